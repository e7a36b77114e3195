package org.caseplan

import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.DatagramPacket
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.MulticastSocket
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds

/**
 * Phones that find each other by mDNS on this machine. Whether it carries multicast is asked of it first: where it does
 * not, nobody can be found, the search must be quiet all the same, and the output says that this is all that was seen.
 */
class NearbyTest {
    private val multicast = hasMulticast()

    private suspend fun together(vararg phones: Phone) {
        val first = phones.first()
        for (other in phones.drop(1)) assertTrue(takenIn(first, other))
    }

    /** Waits until so many devices of this domain hold the same as this one. */
    private suspend fun Phone.upToDate(with: Int): List<NearbyPeer> =
        store.sync.nearby().first { peers ->
            peers.count { it.device != null && it.progress.state == SyncState.UP_TO_DATE } == with
        }

    @Test
    fun `three phones nearby find each other, and each has what the others had`() =
        story {
            val phones = listOf(Phone.open("w-117"), Phone.open("w-117"), Phone.open("w-117"))
            val stranger = Phone.open("w-9")
            together(*phones.toTypedArray())
            val cases =
                phones.mapIndexed { number, phone ->
                    phone.store.cases.create(NewCase("2026-$number", primaryClient = NewPerson("Léa Martin")))
                }
            assertEquals(emptyList(), stranger.store.sync.nearby().first(), "told at once that nobody is there yet")
            if (!multicast) return@story
            val strange = mutableListOf<List<NearbyPeer>>()
            val outside = launch { stranger.store.sync.nearby().collect(strange::add) }
            // Who has found both stays until the others have too.
            val staying = phones.map { launch { it.store.sync.nearby().collect {} } }
            for (phone in phones) {
                for (case in cases) phone.store.cases.watch(case.id).first { it != null }
                phone.store.sync.watchStatus().first { it.onlyHere.isEmpty() }
            }
            staying.forEach { it.cancelAndJoin() }
            outside.cancelAndJoin()
            assertTrue(strange.any { it.isNotEmpty() }, "it saw them")
            assertTrue(strange.flatten().all { it.device == null && it.worker == null }, "and learned nobody's name")
            assertTrue(stranger.store.cases.list().isEmpty())
        }

    @Test
    fun `who is nearby is told with name, worker and progress`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            together(phone, tablet)
            phone.store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin")))
            if (!multicast) return@story
            val staying = launch { tablet.store.sync.nearby().collect {} }
            val peer = phone.upToDate(with = 1).first { it.device != null }
            assertEquals(tablet.store.identity.device() to tablet.worker, peer.device to peer.worker)
            assertEquals(1.0, peer.progress.fraction)
            Samples.nearby(phone.store)
            staying.cancelAndJoin()
        }

    @Test
    fun `it ends when its coroutine is cancelled, and with the store`() =
        story {
            val phone = Phone.open("w-117")
            val searching = launch { phone.store.sync.nearby().collect {} }
            phone.store.sync.nearby().first()
            withTimeout(8.seconds) { searching.cancelAndJoin() }
            val left = async { runCatching { phone.store.sync.nearby().collect {} } }
            phone.store.sync.nearby().first()
            phone.store.close()
            assertTrue(left.await().exceptionOrNull() is CaseplanException.Closed)
            expect(CaseplanException.Closed()) { phone.store.sync.nearby().first() }
        }

    @Test
    fun `nobody at a host and port is an error of the network`() =
        story {
            val phone = Phone.open("w-117")
            expect(CaseplanException.NetworkFailed("unreachable")) { phone.store.sync.connect("127.0.0.1", 1) }
            expect(CaseplanException.Invalid("port", "range")) { phone.store.sync.connect("127.0.0.1", 0) }
        }

    private companion object {
        /** Whether a datagram to the group of mDNS comes back to this machine. */
        fun hasMulticast(): Boolean {
            val group = InetAddress.getByName("224.0.0.251")
            val has =
                try {
                    MulticastSocket(0).use { socket ->
                        socket.soTimeout = 2_000
                        socket.joinGroup(InetSocketAddress(group, 0), null)
                        socket.send(DatagramPacket(ByteArray(8), 8, group, socket.localPort))
                        socket.receive(DatagramPacket(ByteArray(16), 16))
                        true
                    }
                } catch (_: IOException) {
                    false
                }
            if (!has) println("NOT CHECKED: this machine carries no multicast, so nobody can be found")
            return has
        }
    }
}
