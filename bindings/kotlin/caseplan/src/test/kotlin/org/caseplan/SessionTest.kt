package org.caseplan

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.net.ServerSocket
import java.util.Collections
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** What a session tells while it goes on, and whom it reaches: at a host and port, and after an end that was missed. */
class SessionTest {
    private suspend fun two(): Pair<Phone, Phone> {
        val (phone, tablet) = Phone.open("w-117") to Phone.open("w-117")
        assertTrue(takenIn(phone, tablet))
        return phone to tablet
    }

    /** A session by host and port, and what the one that listened there made of each connection until both were equal. */
    private suspend fun reached(
        phone: Phone,
        listening: Phone,
    ): Pair<SyncReport, List<SyncReport>> =
        coroutineScope {
            withContext(Dispatchers.IO) { ServerSocket(0, 8, InetAddress.getByName("127.0.0.1")) }.use { server ->
                val accepting =
                    async {
                        val reports = mutableListOf<SyncReport>()
                        while (reports.lastOrNull()?.equal != true) {
                            val socket = withContext(Dispatchers.IO) { server.accept() }
                            reports.add(listening.store.sync.accept(streams(socket)))
                        }
                        reports
                    }
                phone.store.sync.connect("127.0.0.1", server.localPort) to accepting.await()
            }
        }

    @Test
    fun `a peer at a host and port is synced with`() =
        story {
            val (phone, tablet) = two()
            val lea = Family.of(phone.store).lea
            tablet.store.cases.create(NewCase("2026-0118", primaryClient = NewPerson("Hugo Petit")))
            val (report, accepted) = reached(phone, tablet)
            val there = accepted.single()
            assertTrue(report.equal && there.equal)
            assertNull(report.failed)
            assertEquals(tablet.store.identity.device() to tablet.worker, report.peer to report.worker)
            assertEquals(2UL to 1UL, report.sent to report.received)
            assertEquals(report.received to report.sent, there.sent to there.received)
            assertEquals(report.bytes, there.bytes)
            assertEquals(0UL to 0UL, report.onlyHere to report.quarantined)
            assertEquals(lea.reference, tablet.store.cases.get(lea.id)?.reference)
            assertEquals(2, phone.store.cases.list().size)
        }

    /** Two phones of which the second has not heard that a third one was ended. */
    private suspend fun missedAnEnd(): Pair<Phone, Phone> {
        val (phone, tablet) = two()
        val gone = Phone.open("w-9")
        takenIn(phone, gone)
        phone.syncs(tablet)
        phone.store.identity.endDevice(gone.store.identity.device(), EndReason.Lost)
        return phone to tablet
    }

    private suspend fun Phone.heardOfTheEnd() =
        assertEquals(1, store.identity.devices().count { it.ended == EndReason.Lost })

    @Test
    fun `a peer that missed an end takes a colleague for a stranger, and the next attempt reaches it`() =
        story {
            val (phone, tablet) = missedAnEnd()
            val (sent, received) = synced(phone, tablet)
            assertEquals("cut" to "stranger", sent.failed to received.failed)
            assertNull(sent.peer)
            phone.syncs(tablet)
            tablet.heardOfTheEnd()
        }

    @Test
    fun `a peer at a host and port that missed an end is reached by one call`() =
        story {
            val (phone, tablet) = missedAnEnd()
            val (report, accepted) = reached(phone, tablet)
            assertNull(report.failed)
            assertTrue(report.equal)
            assertEquals(listOf("stranger", null), accepted.map { it.failed })
            tablet.heardOfTheEnd()
        }

    @Test
    fun `a session tells how far it is, from nothing to all of it`() =
        story {
            val (phone, tablet) = two()
            for (reference in listOf("2026-0117", "2026-0118")) {
                val lea = Family.of(phone.store, reference).lea
                phone.store.recordCall(lea.id, "Ana called.")
            }
            val told = List(2) { Collections.synchronizedList(mutableListOf<SyncProgress>()) }
            val (near, far) = connection()
            val accepting = async { tablet.store.sync.accept(far) { told[1].add(it) } }
            val report = phone.store.sync.connect(near) { told[0].add(it) }
            val reports = listOf(report, accepting.await())
            assertTrue(reports.all { it.equal })
            for ((side, ended) in told zip reports) {
                val (first, last) = side.first() to side.last()
                assertEquals(SyncState.CONNECTING to SyncState.OVER, first.state to last.state)
                assertEquals(0.0, first.fraction)
                assertTrue(side.any { it.state == SyncState.SYNCING && it.fraction < 1.0 })
                assertEquals(true to 1.0, last.equal to last.fraction, "both held the same when it was over")
                assertTrue(side.all { it.fraction in 0.0..1.0 })
                assertEquals(listOf(0UL, 0UL, 0UL), listOf(first.sent, first.received, first.documents))
                // Two cases, and what was recorded of each.
                assertEquals(4UL, last.documents)
                assertEquals(listOf(ended.sent, ended.received, ended.bytes), listOf(last.sent, last.received, last.bytes))
                for (count in listOf(SyncProgress::sent, SyncProgress::received, SyncProgress::documents, SyncProgress::bytes)) {
                    assertEquals(side.map(count).sorted(), side.map(count), "$count never goes back")
                }
            }
            assertEquals(6UL to 0UL, report.sent to report.received)
            assertTrue(report.bytes > 1_000UL)
        }
}
