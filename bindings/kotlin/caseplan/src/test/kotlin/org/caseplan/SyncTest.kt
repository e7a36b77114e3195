package org.caseplan

import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Sync over real sockets: two phones meet, one is taken in, and both tell the truth. */
class SyncTest {
    @Test
    fun `two phones of one worker meet, and each has what the other had`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            assertTrue(takenIn(phone, tablet))
            val one = phone.store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin")))
            val other = tablet.store.cases.create(NewCase("2026-0118", primaryClient = NewPerson("Hugo Petit")))
            assertEquals(1, phone.store.sync.status().onlyHere.size)
            val (sent, received) = synced(phone, tablet)
            assertNull(sent.failed)
            assertTrue(sent.equal && received.equal)
            assertEquals(sent.sent to sent.received, received.received to received.sent)
            assertEquals(one, tablet.store.cases.get(one.id))
            assertEquals(other, phone.store.cases.get(other.id))
            val status = phone.store.sync.watchStatus().first()
            assertTrue(status.onlyHere.isEmpty())
            assertEquals(listOf(tablet.store.identity.device()), status.peers.map { it.device })
        }

    @Test
    fun `a case says who else has it, since when, and what is on its way`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(phone, tablet)
            val lea = Family.of(phone.store).lea
            phone.syncs(tablet)
            phone.now("2026-03-02T09:00:00Z")
            phone.store.recordCall(lea.id, "Ana called.")
            val before = assertNotNull(phone.store.sync.caseStatus(lea.id))
            assertEquals(1UL to 1UL, before.onlyHere.changes to before.onlyHere.contacts)
            val there = before.peers.single()
            assertEquals(tablet.store.identity.device() to tablet.worker, there.device to there.worker)
            assertEquals(at("2026-03-02T08:00:00Z") to 1UL, there.equalAt to there.toSend)
            assertEquals(1UL, phone.store.sync.status().peers.single().toSend)
            phone.syncs(tablet)
            val after = phone.store.sync.watchCaseStatus(lea.id).first { it?.onlyHere?.changes == 0UL }
            assertEquals(at("2026-03-02T09:00:00Z") to 0UL, after?.peers?.single()?.let { it.equalAt to it.toSend })
            assertNull(phone.store.sync.caseStatus(CaseId(newId())))
        }

    @Test
    fun `a phone is taken in by a code that is spoken, also after a wrong one`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            phone.store.sync.inviteByCode(Terms(tablet.worker, listOf(Role.Caseworker))).use { invitation ->
                assertNull(invitation.qr())

                suspend fun says(code: String): Boolean {
                    val (near, far) = connection()
                    val taking = async { runCatching { invitation.takeIn(far) { true } } }
                    val joined = runCatching { tablet.store.sync.join(code, "Ana's tablet", near) }
                    assertEquals(joined.isSuccess, taking.await().getOrDefault(false))
                    return joined.isSuccess
                }
                assertFalse(says("0000-0000"))
                assertTrue(says(assertNotNull(invitation.code())))
            }
            phone.syncs(tablet)
        }

    @Test
    fun `two phones sync with a third one at once`() =
        story {
            val hub = Phone.open("w-117")
            val phones = listOf(Phone.open("w-117"), Phone.open("w-117"))
            for (phone in phones) takenIn(hub, phone)
            for ((at, phone) in phones.withIndex()) {
                phone.store.cases.create(NewCase("2026-000$at", primaryClient = NewPerson("Léa Martin")))
            }
            val (near, far) = connection()
            val accepting = async { hub.store.sync.accept(far) }
            // The first one stays, and the second is done with meanwhile.
            val staying = launch { phones[0].store.sync.connect(near, stay = true) }
            hub.store.cases.watchList().first { it.size == 1 }
            phones[1].syncs(hub)
            phones[0].store.cases.watchList().first { it.size == 2 }
            staying.cancelAndJoin()
            accepting.await()
        }

    @Test
    fun `what is recorded while a session stays open is sent at once`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(phone, tablet)
            val (near, far) = connection()
            val accepting = async { tablet.store.sync.accept(far) }
            val staying = launch { phone.store.sync.connect(near, stay = true) }
            val case = phone.store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin")))
            tablet.store.cases.watch(case.id).first { it != null }
            staying.cancelAndJoin()
            accepting.await()
        }

    @Test
    fun `a file brings to one device what it lacks, and to no other`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(phone, tablet)
            val case = phone.store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin")))
            val file = tablet.folder.resolve("for the tablet")
            val written = phone.store.sync.handOver(tablet.store.identity.device(), file)
            assertEquals(file.length().toULong(), written.bytes)
            val report = tablet.store.sync.takeOver(file)
            assertEquals(phone.store.identity.device() to written.changes, report.sender to report.taken.received)
            assertEquals(case, tablet.store.cases.get(case.id))
            assertEquals(1, phone.store.sync.status().onlyHere.size)

            expect(CaseplanException.NotHandedOver("not_for_this_device")) { phone.store.sync.takeOver(file) }
            file.writeBytes(file.readBytes().dropLast(1).toByteArray())
            expect(CaseplanException.NotHandedOver("cut")) { tablet.store.sync.takeOver(file) }
            expect(CaseplanException.NotHandedOver("to_itself")) {
                phone.store.sync.handOver(phone.store.identity.device(), file)
            }
        }

    @Test
    fun `who is declined stays outside, and a stranger learns nothing`() =
        story {
            val phone = Phone.open("w-117")
            val stranger = Phone.open("w-9")
            assertFalse(takenIn(phone, stranger, confirmed = false))
            val (sent, received) = synced(stranger, phone)
            assertEquals("stranger", received.failed)
            assertFalse(sent.equal || received.equal)
            val text = "CASEPLAN1:nonsense"
            expect(CaseplanException.NotEnrolled("malformed", null)) {
                stranger.store.sync.join(text, "a phone", connection().first)
            }
        }
}
