package org.caseplan

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

// Phones that are together: a real connection, one taken in over it, both in sync.

/** A socket as the package takes it. */
fun streams(socket: Socket) = PeerStreams(socket.getInputStream(), socket.getOutputStream(), socket)

/** Two ends of one connection: who connects, and who is connected to. */
suspend fun connection(): Pair<PeerStreams, PeerStreams> =
    withContext(Dispatchers.IO) {
        ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { server ->
            val near = Socket(server.inetAddress, server.localPort)
            streams(near) to streams(server.accept())
        }
    }

/** One phone shows a QR code, the other scans it, and a person confirms it or does not. */
suspend fun takenIn(
    phone: Phone,
    tablet: Phone,
    roles: List<Role> = listOf(Role.Caseworker),
    confirmed: Boolean = true,
): Boolean =
    coroutineScope {
        val (near, far) = connection()
        phone.store.sync.invite(Terms(tablet.worker, roles)).use { invitation ->
            var seen: JoinRequest? = null
            val inviting = async {
                invitation.takeIn(far) {
                    seen = it
                    confirmed
                }
            }
            var fingerprint: String? = null
            val joining = async {
                runCatching {
                    tablet.store.sync.join(assertNotNull(invitation.qr()), "Ana's tablet", near) { fingerprint = it }
                }
            }
            val taken = inviting.await()
            assertEquals(taken, joining.await().isSuccess)
            assertEquals("Ana's tablet" to assertNotNull(fingerprint), seen?.deviceName to seen?.fingerprint)
            assertTrue(fingerprint.orEmpty().matches(Regex("[0-9A-Z]{4}(-[0-9A-Z]{4}){3}")), fingerprint)
            near.close()
            taken
        }
    }

/** One session, begun by the first. */
suspend fun synced(
    phone: Phone,
    tablet: Phone,
): Pair<SyncReport, SyncReport> =
    coroutineScope {
        val (near, far) = connection()
        val accepting = async { tablet.store.sync.accept(far) }
        Samples.sync(phone.store, near) to accepting.await()
    }

/** A session after which both hold the same of what both may read. */
suspend fun Phone.syncs(other: Phone) {
    val (sent, received) = synced(this, other)
    assertTrue(sent.failed == null && received.failed == null, "${sent.failed} ${received.failed}")
    assertTrue(sent.equal && received.equal)
}
