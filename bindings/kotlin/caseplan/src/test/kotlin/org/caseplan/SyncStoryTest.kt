package org.caseplan

import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Test
import java.time.Duration
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.test.fail

/** What happens to people and their phones, told over real connections: the stories of `tests/sync`, as an app meets them. */
class SyncStoryTest {
    private suspend fun Phone.shares(
        case: Case,
        with: Phone,
    ) = store.grants.give(case.id, NewGrant.colleague(with.worker).copy(mayGrant = true))

    /** Whoever finds two values of a field chooses one. */
    private suspend fun Phone.settles() {
        for (conflict in store.conflicts.list()) store.conflicts.settle(conflict.id, conflict.values[0].id)
    }

    /** As [syncs]; whoever missed an end is reached after some attempts. */
    private suspend fun Phone.findsAndSyncs(other: Phone) {
        repeat(6) { if (synced(this, other).first.equal) return }
        fail("two phones that never reach each other")
    }

    @Test
    fun `a substitute finishes her drafts of a case that is taken back, and then it is gone`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-204")
            takenIn(phone, tablet)
            val family = Family.of(phone.store)
            family.saturdays()
            val grant = phone.store.grants.give(family.lea.id, NewGrant.colleague(tablet.worker))
            phone.syncs(tablet)
            for (device in listOf(phone, tablet)) device.now("2026-03-14T18:00:00Z")
            val (first, second) = tablet.store.planned(day("2026-03-02")..day("2026-03-14"))
            tablet.store.record(first, "Léa ran to her mother.")
            val kept = tablet.store.contacts.startDraft(second)
            val doubled = tablet.store.contacts.startDraft(second)
            tablet.store.contacts.saveDraft(kept.copy(narrative = "They built a tower."))
            phone.store.grants.takeBack(family.lea.id, listOf(grant.id))
            phone.syncs(tablet)

            // She sees what is left to do, in the case that she can only read.
            val left = tablet.store.grants.watchTakenBack().first { it.isNotEmpty() }.single()
            assertEquals(family.lea.id to 2U, left.case to left.drafts)
            assertEquals(Duration.ofDays(7), Duration.between(left.since, left.draftsUntil))
            assertEquals(setOf(kept.id, doubled.id), tablet.store.contacts.drafts(family.lea.id).map { it.id }.toSet())
            expect(CaseplanException.NotGranted(family.lea.id)) { tablet.writes(family.lea, "north") }
            expect(CaseplanException.NotGranted(family.lea.id)) { tablet.store.contacts.startDraft(second) }

            // A draft that lacks something can still be completed, and the other one be discarded.
            expect(CaseplanException.Incomplete(kept.id, listOf("outcome"))) { tablet.store.contacts.complete(kept.id) }
            val draft = assertNotNull(tablet.store.contacts.draft(kept.id))
            tablet.store.contacts.saveDraft(draft.copy(outcome = Outcome(OutcomeCode.Occurred)))
            val contact = tablet.store.contacts.complete(kept.id)
            tablet.store.contacts.discardDraft(doubled.id)
            val waiting = tablet.store.grants.takenBack().single()
            assertEquals(0U, waiting.drafts)
            assertTrue(waiting.changes > 0UL, "nobody else has it yet")
            assertNotNull(tablet.store.cases.get(family.lea.id))

            tablet.syncs(phone)
            assertEquals(emptyList(), tablet.store.grants.watchTakenBack().first { it.isEmpty() })
            assertNull(tablet.store.cases.get(family.lea.id))
            assertEquals(emptyList(), tablet.store.contacts.search("tower"))
            val there = assertNotNull(phone.store.contacts.get(contact.id))
            assertEquals("They built a tower." to tablet.worker, there.narrative to there.recordedBy)
            assertTrue(tablet.store.verify().isSound)
        }

    @Test
    fun `whoever supervises visits has one plan, records its visits, and nothing else of the case`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-204")
            takenIn(phone, tablet)
            val family = Family.of(phone.store)
            val plan = family.saturdays()
            phone.store.grants.give(family.lea.id, NewGrant.visits(tablet.worker, plan.id))
            phone.syncs(tablet)
            assertEquals(emptyList(), tablet.store.cases.list())
            for (device in listOf(phone, tablet)) device.now("2026-03-07T18:00:00Z")
            val visit = tablet.store.planned(day("2026-03-07")..day("2026-03-07")).single()
            val contact = tablet.store.record(visit, "Léa ran to her mother.")
            tablet.store.contacts.amend(contact.id, NewAddendum("They left at five.", emptyList()))
            expect(CaseplanException.NotFound("case", family.lea.id.toString())) {
                tablet.store.contacts.startDraft(family.lea.id, ContactKind.Collateral)
            }
            tablet.syncs(phone)
            val there = assertNotNull(phone.store.contacts.get(contact.id))
            assertEquals(tablet.worker to listOf("They left at five."), there.recordedBy to there.addenda.map { it.text })
        }

    @Test
    fun `a supervisor is taken in, reads what she was granted, and writes nothing of it`() =
        story {
            val phone = Phone.open("w-117")
            val desk = Phone.open("w-300")
            takenIn(phone, desk, listOf(Role.Supervisor))
            for (device in listOf(phone, desk)) {
                val certified = device.store.identity.devices().single { it.worker == desk.worker }
                assertEquals(listOf<Role>(Role.Supervisor), certified.roles)
            }
            val family = Family.of(phone.store)
            family.saturdays()
            Family.of(phone.store, "2026-0118")
            phone.store.grants.give(family.lea.id, NewGrant.colleague(desk.worker).copy(writes = emptyList()))
            phone.now("2026-03-07T18:00:00Z")
            val visit = phone.store.planned(day("2026-03-07")..day("2026-03-07")).single()
            val contact = phone.store.record(visit, "Léa ran to her mother.")
            phone.syncs(desk)

            assertEquals(listOf(family.lea.id), desk.store.cases.list().map { it.id }, "the other case is not hers")
            assertEquals(phone.worker, assertNotNull(desk.store.contacts.get(contact.id)).recordedBy)
            expect(CaseplanException.NotGranted(family.lea.id)) { desk.writes(family.lea, "north") }
            expect(CaseplanException.NotGranted(family.lea.id)) {
                desk.store.contacts.amend(contact.id, NewAddendum("Seen.", emptyList()))
            }
            val status = assertNotNull(phone.store.sync.caseStatus(family.lea.id))
            assertEquals(listOf(desk.worker to 0UL), status.peers.map { it.worker to it.toSend })
        }

    @Test
    fun `a phone used alone whose keys are lost is written in again by its words`() =
        story {
            val before = Phone.open("w-117")
            val words = assertNotNull(before.store.identity.recoveryWords())
            val lea = Family.of(before.store).lea
            val device = before.store.identity.device()
            val phone = before.restarted(vault = MemoryKeyVault())
            expect(CaseplanException.KeysLost()) { phone.writes(lea, "north") }
            phone.store.identity.recoverRoot(words)
            phone.writes(lea, "north")
            assertNotEquals(device, phone.store.identity.device())
            // It takes others in as before.
            val tablet = Phone.open("w-117")
            takenIn(phone, tablet)
            phone.syncs(tablet)
            assertEquals("north", tablet.team(lea))
        }

    @Test
    fun `a root that went down with a phone is recovered by its words, and the others follow`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-204")
            val desk = Phone.open("w-300")
            val words = assertNotNull(phone.store.identity.recoveryWords())
            phone.store.identity.confirmRecoveryShown()
            val lea = Family.of(phone.store).lea
            for (other in listOf(tablet, desk)) {
                takenIn(phone, other)
                phone.shares(lea, with = other)
            }
            // Both hear of each other: what the old root said counts as far as whoever recovers it knows.
            for (other in listOf(tablet, desk)) phone.syncs(other)
            phone.writes(lea, "never seen again")

            // Nobody who is left can certify anybody; whoever has the words can.
            val newcomer = Phone.open("w-9")
            expect(CaseplanException.NotCertified("not_an_issuer")) {
                tablet.store.identity.certify(newcomer.store.identity.requestCertificate(), emptyList())
            }
            tablet.store.identity.recoverRoot(words)
            tablet.store.identity.endDevice(phone.store.identity.device(), EndReason.Lost)
            assertNotEquals(words, assertNotNull(tablet.store.identity.recoveryWords()))

            // The desk missed a new root and an end, and follows both.
            tablet.findsAndSyncs(desk)
            assertEquals(Standing.CURRENT, desk.store.identity.standing())
            assertEquals(
                listOf(phone.store.identity.device()),
                desk.store.identity.devices().filter { it.ended == EndReason.Lost }.map { it.device },
            )
            takenIn(tablet, newcomer)
            tablet.shares(lea, with = newcomer)
            newcomer.syncs(tablet)
            newcomer.findsAndSyncs(desk)
            newcomer.writes(lea, "north")
            newcomer.syncs(desk)
            assertEquals("north", desk.team(lea))

            // The phone is dredged up: it is told, and what it had waits for a person.
            repeat(6) { if (phone.store.identity.standing() != Standing.ENDED) synced(phone, desk) }
            assertEquals(Standing.ENDED, phone.store.identity.standing())
            assertEquals(listOf(lea.id), desk.store.grants.waiting().map { it.case })
            assertEquals("north" to "never seen again", desk.team(lea) to phone.team(lea))
        }

    @Test
    fun `a phone is ended while two others are offline and build on each other's work`() =
        story {
            val desk = Phone.open("w-117")
            val gone = Phone.open("w-2")
            val one = Phone.open("w-3")
            val two = Phone.open("w-4")
            val lea = Family.of(desk.store).lea
            for (other in listOf(gone, one, two)) {
                takenIn(desk, other)
                desk.shares(lea, with = other)
            }
            for (other in listOf(gone, one, two)) desk.syncs(other)

            gone.writes(lea, "north")
            gone.syncs(one)
            one.writes(lea, "north-east")
            one.syncs(two)
            two.writes(lea, "east")
            desk.store.identity.endDevice(gone.store.identity.device(), EndReason.Stolen)
            gone.writes(lea, "by a thief")

            for (other in listOf(two, one, two)) desk.findsAndSyncs(other)
            for (device in listOf(desk, one, two)) {
                assertEquals("east", device.team(lea))
                assertEquals(emptyList(), device.store.exchange.quarantine())
                assertEquals(desk.store.exchange.digest(), device.store.exchange.digest())
            }
            // What the thief adds waits, and a person says no by leaving it there.
            repeat(6) { if (one.store.grants.waiting().isEmpty()) synced(gone, one) }
            val waiting = one.store.sync.status().quarantine.map { it.reason }
            assertEquals(listOf<Refusal>(Refusal.AuthorEnded), waiting)
            assertEquals("east", one.team(lea))

            // What was built upon is not what the desk had when it ended the phone: somebody looks it over, for all of them.
            val ended = gone.store.identity.device()
            for (device in listOf(desk, one, two)) {
                val work =
                    device.store.grants
                        .toReview()
                        .single()
                assertEquals(lea.id to ended, work.case to work.device)
                assertEquals(WorkerId("w-2") to 1UL, work.worker to work.changes)
                assertEquals<EndReason>(EndReason.Stolen, work.why)
            }
            assertEquals(1UL, two.store.grants.confirm(lea.id, ended))
            assertEquals(0UL, two.store.grants.confirm(lea.id, ended))
            for (other in listOf(one, desk)) two.findsAndSyncs(other)
            for (device in listOf(desk, one, two)) assertEquals(emptyList(), device.store.grants.toReview())
            assertEquals(1, one.store.grants.waiting().size, "what waits is another matter")
        }

    @Test
    fun `a store that was used alone joins an agency, and its work counts there`() =
        story {
            val agency = Phone.open("w-1")
            val colleague = Phone.open("w-117")
            takenIn(agency, colleague)
            val alone = Phone.open("w-204")
            val family = Family.of(alone.store)
            val contact = alone.store.recordCall(family.lea.id, "Before anybody else was there.")
            assertNotEquals(agency.store.identity.domain(), alone.store.identity.domain())

            takenIn(agency, alone)
            assertEquals(agency.store.identity.domain(), alone.store.identity.domain())
            assertNull(alone.store.identity.recoveryWords(), "its own root is of no use any more")
            alone.syncs(agency)
            assertNull(agency.store.cases.get(family.lea.id), "it is the worker's to share")
            alone.shares(family.lea, with = colleague)
            alone.syncs(agency)
            alone.syncs(colleague)
            assertEquals(contact, colleague.store.contacts.get(contact.id))
            colleague.writes(family.lea, "north")
            colleague.syncs(alone)
            assertEquals("north", alone.team(family.lea))
            assertTrue(alone.store.sync.status().onlyHere.isEmpty())
        }

    @Test
    fun `three phones without a hub share a case for a month`() =
        story {
            val phones = listOf(Phone.open("w-1"), Phone.open("w-2"), Phone.open("w-3"))
            val family = Family.of(phones[0].store)
            family.saturdays()
            for (other in phones.drop(1)) {
                takenIn(phones[0], other)
                phones[0].shares(family.lea, with = other)
                phones[0].syncs(other)
            }
            val saturdays = phones[0].store.planned(day("2026-03-02")..day("2026-03-31"))
            assertEquals(4, saturdays.size)
            for ((week, saturday) in saturdays.withIndex()) {
                phones.forEach { it.now("${saturday.day}T18:00:00Z") }
                val (duty, other, away) = List(3) { phones[(week + it) % 3] }
                duty.store.record(saturday, "The visit of week $week.")
                // Two of them write the same field apart; whoever sees both values settles it.
                for (phone in listOf(away, duty)) {
                    phone.settles()
                    phone.writes(family.lea, "as week $week was for ${phone.worker}")
                }
                duty.syncs(other)
                if (week % 2 == 1) other.syncs(away)
            }
            val everybody = listOf(0 to 1, 1 to 2, 2 to 0, 0 to 1)
            for ((one, other) in everybody) phones[one].syncs(phones[other])
            phones[0].settles()
            for ((one, other) in everybody) phones[one].syncs(phones[other])
            for (phone in phones) {
                assertEquals(phones[0].store.exchange.digest(), phone.store.exchange.digest())
                assertEquals(4, phone.store.contacts.page().contacts.size)
                assertEquals(phones[0].team(family.lea), phone.team(family.lea))
                assertTrue(phone.store.sync.status().onlyHere.isEmpty() && phone.store.conflicts.list().isEmpty())
                assertTrue(phone.store.exchange.quarantine().isEmpty())
                assertTrue(phone.store.verify().isSound)
            }
        }
}
