package org.caseplan

import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.io.PipedInputStream
import java.io.PipedOutputStream
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Connections that an app brings: small, slow, broken, silent, and closed whatever becomes of them. */
class ConnectionTest {
    /** A stream that waits in each read or write until it is closed. */
    private class Stuck : Closeable {
        private val end = CountDownLatch(1)
        val waiting = CountDownLatch(1)
        val closed = AtomicInteger()

        val input =
            object : InputStream() {
                override fun read(): Int {
                    end.await()
                    return -1
                }
            }

        val output =
            object : OutputStream() {
                override fun write(byte: Int) {
                    waiting.countDown()
                    end.await()
                    throw IOException("closed")
                }
            }

        val streams = PeerStreams(input, output, this)

        override fun close() {
            closed.incrementAndGet()
            end.countDown()
        }
    }

    /** Two ends of a connection that holds a kilobyte in each direction. */
    private fun narrow(): Pair<PeerStreams, PeerStreams> {
        val (toHere, toThere) = PipedOutputStream() to PipedOutputStream()
        val (here, there) = PipedInputStream(toHere, 1024) to PipedInputStream(toThere, 1024)

        fun end(
            input: InputStream,
            output: OutputStream,
        ) = PeerStreams(
            input,
            output,
            Closeable {
                output.close()
                input.close()
            },
        )
        return end(here, toThere) to end(there, toHere)
    }

    private suspend fun two(): Pair<Phone, Phone> {
        val (phone, tablet) = Phone.open() to Phone.open()
        assertTrue(takenIn(phone, tablet))
        return phone to tablet
    }

    @Test
    fun `both sides may have more to say than the connection holds`() =
        story {
            val (phone, tablet) = two()
            val long = "She ran to her mother. ".repeat(400)
            for ((store, reference) in listOf(phone.store to "2026-0117", tablet.store to "2026-0118")) {
                val family = Family.of(store, reference)
                repeat(20) { store.recordCall(family.lea.id, long) }
            }
            val (near, far) = narrow()
            val accepting = async { tablet.store.sync.accept(far) }
            val report = phone.store.sync.connect(near)
            assertTrue(report.equal && accepting.await().equal)
            assertNull(report.failed)
        }

    @Test
    fun `a session whose peer does not read ends when it is cancelled, and its streams are closed`() =
        story {
            val (phone, _) = two()
            val stuck = Stuck()
            val session = launch { phone.store.sync.connect(stuck.streams) }
            while (stuck.waiting.count > 0) delay(10)
            session.cancelAndJoin()
            assertTrue(stuck.closed.get() > 0)
        }

    @Test
    fun `a joining that nobody answers ends when it is cancelled`() =
        story {
            val (phone, newcomer) = Phone.open() to Phone.open()
            phone.store.sync.invite(Terms(newcomer.worker, listOf(Role.Caseworker))).use { invitation ->
                val silent = Stuck()
                val joining = launch { newcomer.store.sync.join(invitation.qr()!!, "a tablet", silent.streams) }
                while (silent.waiting.count > 0) delay(10)
                joining.cancelAndJoin()
                assertTrue(silent.closed.get() > 0)
                val waiting = Stuck()
                val taking = launch { invitation.takeIn(waiting.streams) { true } }
                delay(50)
                taking.cancelAndJoin()
                assertTrue(waiting.closed.get() > 0)
            }
        }

    @Test
    fun `a connection that breaks is told as cut, whatever the streams throw`() =
        story {
            val (phone, tablet) = two()
            Family.of(phone.store)
            for (thrown in listOf(IOException("gone"), IllegalStateException("not connected"))) {
                val (near, far) = connection()
                var left = 3
                val breaking =
                    object : InputStream() {
                        override fun read(): Int = error("not used")

                        override fun read(bytes: ByteArray): Int =
                            if (left-- > 0) near.input.read(bytes) else throw thrown
                    }
                val accepting = async { tablet.store.sync.accept(far) }
                val closing = Closeable { near.close().also { throw thrown } }
                val report = phone.store.sync.connect(PeerStreams(breaking, near.output, closing))
                assertEquals("cut", report.failed)
                assertEquals("cut", accepting.await().failed)
            }
            assertTrue(synced(phone, tablet).first.equal)
        }

    @Test
    fun `a progress handler that throws misses a word, nothing else`() =
        story {
            val (phone, tablet) = two()
            val (near, far) = connection()
            val accepting = async { tablet.store.sync.accept(far) { error("Léa Martin") } }
            val report = phone.store.sync.connect(near) { error("Léa Martin") }
            assertTrue(report.equal && accepting.await().equal)
            assertNull(report.failed)
        }

    @Test
    fun `who comes second with an invitation hears that it was used`() =
        story {
            val (phone, first, second) = Triple(Phone.open(), Phone.open(), Phone.open())
            phone.store.sync.invite(Terms(first.worker, listOf(Role.Caseworker))).use { invitation ->
                suspend fun comes(newcomer: Phone) {
                    val (near, far) = connection()
                    val taking = async { runCatching { invitation.takeIn(far) { true } } }
                    try {
                        newcomer.store.sync.join(invitation.qr()!!, "a phone", near)
                    } finally {
                        taking.await()
                    }
                }
                comes(first)
                expect(CaseplanException.NotEnrolled("used", null)) { comes(second) }
            }
        }

    @Test
    fun `a wrong code is told as such, also where the inviter's end breaks the stream`() =
        story {
            val (phone, newcomer) = Phone.open() to Phone.open()
            phone.store.sync.inviteByCode(Terms(newcomer.worker, listOf(Role.Caseworker))).use { invitation ->
                val (near, far) = connection()
                val taking = async { runCatching { invitation.takeIn(far) { true } } }
                val breaking =
                    object : InputStream() {
                        override fun read(): Int = error("not used")

                        override fun read(bytes: ByteArray): Int =
                            near.input.read(bytes).also { if (it < 0) throw IOException("gone") }
                    }
                expect(CaseplanException.NotEnrolled("wrong_code", 2U)) {
                    newcomer.store.sync.join("0000-0000", "a phone", PeerStreams(breaking, near.output, near))
                }
                assertTrue(taking.await().isFailure)
            }
        }

    @Test
    fun `what the app throws when it is asked declines the newcomer and reaches the app`() =
        story {
            val (phone, newcomer) = Phone.open() to Phone.open()
            phone.store.sync.invite(Terms(newcomer.worker, listOf(Role.Caseworker))).use { invitation ->
                val (near, far) = connection()
                val joining = async { runCatching { newcomer.store.sync.join(invitation.qr()!!, "a phone", near) } }
                assertFailsWith<NotAboutSecrets> { invitation.takeIn(far) { throw NotAboutSecrets() } }
                expect(CaseplanException.NotEnrolled("declined", null)) { joining.await().getOrThrow() }
            }
        }

    @Test
    fun `a domain with a long history takes in a new device`() =
        story {
            val (phone, tablet) = two()
            val device = tablet.store.identity.device()
            repeat(300) { phone.store.identity.renew(device, at("2027-01-01T00:00:00Z").plusSeconds(it.toLong())) }
            assertTrue(takenIn(phone, Phone.open()))
        }

    @Test
    fun `a store that is closed ends its open sessions, and their streams`() =
        story {
            val (phone, tablet) = two()
            val (near, far) = connection()
            val accepting = async { tablet.store.sync.accept(far) }
            val up = Gate()
            val staying =
                async {
                    runCatching {
                        phone.store.sync.connect(near, stay = true) { if (it.state == SyncState.UP_TO_DATE) up.open() }
                    }
                }
            up.await()
            phone.store.close()
            expect(CaseplanException.Closed()) { staying.await().getOrThrow() }
            assertEquals(-1, runCatching { near.input.read() }.getOrDefault(-1))
            assertTrue(accepting.await().failed != null)
        }

    @Test
    fun `what a peer took in while a session stays open is not only here any more`() =
        story {
            val (phone, tablet) = two()
            val (near, far) = connection()
            val accepting = async { tablet.store.sync.accept(far) }
            val up = Gate()
            val staying =
                launch {
                    phone.store.sync.connect(near, stay = true) { if (it.state == SyncState.UP_TO_DATE) up.open() }
                }
            up.await()
            phone.store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin")))
            phone.store.sync.watchStatus().first { it.onlyHere.isEmpty() }
            staying.cancelAndJoin()
            accepting.await()
        }
}
