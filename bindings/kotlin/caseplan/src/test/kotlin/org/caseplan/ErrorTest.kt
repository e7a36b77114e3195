package org.caseplan

import org.junit.jupiter.api.Test
import java.io.File
import java.nio.file.Files
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull

/** Every error that an app can meet in what it asks for. Those of opening and of merging are met in their own tests. */
class ErrorTest {
    @Test
    fun `what is not here is not found`() =
        story {
            val store = Phone.open().store
            val unknown = CaseId(newId())
            assertNull(store.cases.get(unknown))
            expect(CaseplanException.NotFound("case", "$unknown")) { store.cases.overview(unknown) }
            val draft = DraftId(newId())
            expect(CaseplanException.NotFound("draft", "$draft")) { store.contacts.complete(draft) }
        }

    @Test
    fun `what has not arrived yet is not yet here`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val plan = VisitationPlanId(newId())
            val draft = store.draftCall(family.lea.id, Outcome(OutcomeCode.Attempted, reason = OutcomeReason.Illness))
            store.contacts.saveDraft(draft.copy(planned = listOf(PlannedVisit(plan))))
            expect(CaseplanException.NotYetHere("visitation plan", "$plan")) { store.contacts.complete(draft.id) }
        }

    @Test
    fun `a broken rule says which and about what`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val draft = store.draftCall(family.lea.id, Outcome(OutcomeCode.NoShow))
            val why = CaseplanException.RuleBroken("CT-04", listOf("${draft.id}"), mapOf("outcome" to "no_show"))
            expect(why) { store.contacts.complete(draft.id) }
        }

    @Test
    fun `a value without meaning says which field`() =
        story {
            val store = Phone.open().store
            expect(CaseplanException.Invalid("reference", "empty")) {
                store.cases.create(NewCase(" ", primaryClient = NewPerson("Léa Martin")))
            }
        }

    @Test
    fun `an incomplete draft says what is missing and stays`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val begun = store.contacts.startDraft(family.lea.id, ContactKind.FamilyVisit)
            val draft = store.contacts.saveDraft(begun.copy(time = null))
            expect(CaseplanException.Incomplete(draft.id, listOf("outcome", "time"))) {
                store.contacts.complete(draft.id)
            }
            assertEquals(draft, store.contacts.draft(draft.id))
        }

    @Test
    fun `a closed case and a taken reference are refused`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            expect(CaseplanException.ReferenceTaken(family.lea.id)) { Family.of(store) }
            store.cases.close(family.lea.id, on = day("2026-03-02"), reason = "moved")
            expect(CaseplanException.CaseClosed()) {
                store.cases.addParticipant(family.lea.id, NewParticipant(NewPerson("Tom"), ParticipantRole.Sibling))
            }
            assertEquals(CaseStatus.Open, store.cases.reopen(family.lea.id).status)
        }

    @Test
    fun `a device is certified once and by its own answer`() =
        story {
            val phone = Phone.open().store
            val tablet = Phone.open("w-204").store
            val third = Phone.open("w-300").store
            val roles = listOf(Role.Caseworker)
            expect(CaseplanException.NotCertified("malformed")) { phone.identity.certify(byteArrayOf(1, 2, 3), roles) }
            val request = tablet.identity.requestCertificate()
            expect(CaseplanException.NotCertified("level")) { phone.identity.certify(request, roles, level = 200) }
            val answer = phone.identity.certify(request, roles)
            expect(CaseplanException.NotCertified("not_for_this_device")) { third.identity.adopt(answer) }
            expect(CaseplanException.NotCertified("already_certified")) { phone.identity.certify(request, roles) }
            // Work that was done while the tablet was alone goes along.
            val family = Family.of(tablet)
            tablet.identity.adopt(answer)
            assertEquals("2026-0117", tablet.cases.get(family.lea.id)?.reference)
            assertEquals(phone.identity.domain(), tablet.identity.domain())
        }

    @Test
    fun `a file of something else is no export`() =
        story {
            val phone = Phone.open()
            val stranger = Phone.open("w-9")
            val noise = ByteArray(4096) { 0xff.toByte() }
            expect(CaseplanException.NotAnExport("format")) { phone.store.exchange.import(noise) }
            expect(CaseplanException.NotAnExport("domain")) { stranger.hand(phone) }
            val vector = stranger.store.exchange.vector()
            expect(CaseplanException.NotAnExport("domain")) {
                phone.store.exchange
                    .export(vector)
                    .collect { }
            }
            val nothing = File(phone.folder, "nothing")
            expect(CaseplanException.CannotOpen()) { phone.store.exchange.import(nothing) }
        }

    @Test
    fun `an export into a file is there whole or not at all`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            Family.of(phone.store)
            val file = File(phone.folder, "export")
            phone.store.exchange.export(file)
            assertEquals(
                true,
                tablet.store.exchange
                    .import(file)
                    .complete,
            )

            // A device that is always full stands where the file is written first.
            val full = File(phone.folder, "full")
            val beside = File(phone.folder, "full.partial").toPath()
            Files.createSymbolicLink(beside, File("/dev/full").toPath())
            expect(CaseplanException.DiskFull()) { phone.store.exchange.export(full) }
            assertFalse(full.exists() || Files.isSymbolicLink(beside))
            expect(CaseplanException.NotWritable()) {
                phone.store.exchange.export(File("/sys/caseplan"))
            }
            expect(CaseplanException.CannotOpen()) {
                phone.store.exchange.export(File(phone.folder, "no/such/folder"))
            }
        }

    @Test
    fun `an id that is none never crosses the boundary`() =
        story {
            val store = Phone.open().store
            expect(CaseplanException.Invalid("change hash", "format")) {
                store.history.get(CaseId(newId()), AsOf.Version(listOf(ChangeHash("?"))))
            }
            assertIs<IllegalArgumentException>(runCatching { CaseId.parse("?") }.exceptionOrNull())
        }

    @Test
    fun `errors are readable and carry ids only`() {
        val id = java.util.UUID.fromString("6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c")
        val data = mapOf("until" to "2026-04-01", "from" to "2026-03-01")
        val texts =
            mapOf(
                CaseplanException.NotFound("case", "${CaseId(id)}") to "no case 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c",
                CaseplanException.RuleBroken("VP-03", listOf("p-1"), data) to
                    "rule VP-03 forbids it: p-1, from=2026-03-01, until=2026-04-01",
                CaseplanException.RuleBroken("CT-01", emptyList(), emptyMap()) to "rule CT-01 forbids it",
                CaseplanException.Invalid("reference", "empty") to "reference is invalid: empty",
                CaseplanException.Incomplete(DraftId(id), listOf("outcome", "time")) to
                    "draft 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c lacks outcome, time",
                CaseplanException.DocumentFull(DocumentId(id)) to
                    "document 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c is full",
                CaseplanException.NewerSchema(3U, 1U) to "the database has version 3, and this version knows 1",
                CaseplanException.DiskFull() to "the disk is full",
                CaseplanException.KeysLost() to "the store is read-only: its keys are lost",
            )
        for ((error, text) in texts) assertEquals(text, error.text)
    }
}
