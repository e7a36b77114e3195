package org.caseplan

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.channels.onClosed
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withContext
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.time.Instant
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** Told how far a session is, on the thread that carries it: do not wait there. */
public typealias SyncProgressHandler = (SyncProgress) -> Unit

/**
 * Two streams to one peer: a socket's, a Bluetooth connection's. Closing it closes both, and ends a read that waits.
 */
public class PeerStreams(
    /** What comes from the peer. */
    public val input: InputStream,
    /** What goes to it. */
    public val output: OutputStream,
    private val closing: Closeable,
) : Closeable {
    override fun close(): Unit = closing.close()
}

/**
 * Sessions with other devices, taking devices in, and the truth about what is where.
 *
 * A session may be cut at any byte: what was committed stays, and the next one goes on from there.
 *
 * @sample org.caseplan.Samples.sync
 */
public class Sync internal constructor(
    private val engine: Engine,
) {
    /** Whom this device met, what exists only here, what is kept apart and why. */
    public suspend fun status(): SyncStatus = engine.read { it.syncStatus() }

    /** The same, watched. */
    public fun watchStatus(): Flow<SyncStatus> = engine.watch(Concerns.everything(onlyHere = true)) { it.syncStatus() }

    /**
     * Syncs with a peer that this device connected to, until both hold the same of what both may read. With [stay] the
     * session stays open and what either side commits is sent at once, until the coroutine is cancelled or the peer
     * leaves. The streams are closed in the end.
     *
     * A session that ends early is no exception: [SyncReport.failed] says why, and what was committed stays.
     */
    public suspend fun connect(
        streams: PeerStreams,
        stay: Boolean = false,
        progress: SyncProgressHandler? = null,
    ): SyncReport = engine.carry(streams, if (stay) Ending.STAY else Ending.LEAVE, progress) { it.connectSession() }

    /** Syncs with a peer that connected to this device, until it leaves. */
    public suspend fun accept(
        streams: PeerStreams,
        progress: SyncProgressHandler? = null,
    ): SyncReport = engine.carry(streams, Ending.STAY, progress) { it.acceptSession() }

    /** Syncs with the peer that listens at a host and port, as with [connect] over streams. */
    public suspend fun connect(
        host: String,
        port: Int,
        stay: Boolean = false,
        progress: SyncProgressHandler? = null,
    ): SyncReport = engine.connect(host, port, stay, progress)

    /**
     * Syncs with everybody nearby. While the flow is collected, this device announces itself in the local network under a
     * random name, finds others that do, and syncs with those of its domain; what is recorded meanwhile is sent at once.
     * Each collection is a search of its own.
     *
     * It tells at once, and whenever it changes, whom it sees and how each session stands; a slow collector gets the newest.
     * Strangers have no [NearbyPeer.device]. It ends with the coroutine that collects it, after the sessions took their leave;
     * a store that is closed or suspended meanwhile ends it with that error.
     *
     * An app needs its platform's permissions for the local network: `docs/sync.md` names them. With the platform's own
     * discovery, hand what it finds to [connect] and [accept] instead.
     *
     * @sample org.caseplan.Samples.nearby
     * @throws CaseplanException.NetworkFailed
     */
    public fun nearby(): Flow<List<NearbyPeer>> = engine.nearby()

    /**
     * Writes a file that only [device] can read, with what it is not known to hold of what it may read today. The file is
     * there whole or not at all; one of the same name is replaced. It is good for 72 hours. Until the device has been met,
     * its content still counts as only here.
     *
     * When the coroutine is cancelled, no file is left.
     *
     * @throws CaseplanException.NotHandedOver
     */
    public suspend fun handOver(
        device: DeviceId,
        file: File,
        progress: ProgressHandler? = null,
    ): HandedOver = engine.long("hand-over") { core, token -> core.handOver(device, file.path, progress?.relay(), token) }

    /**
     * Reads a file that another device handed over to this one, by the certificates, ends and grants of today. Reading it
     * again does no harm. What was whole in a file that is cut or that fails later is kept.
     *
     * @throws CaseplanException.NotHandedOver
     */
    public suspend fun takeOver(
        file: File,
        progress: ProgressHandler? = null,
    ): HandOverReport = engine.long("take-over") { core, token -> core.takeOver(file.path, progress?.relay(), token) }

    /** Invites a device by a QR code. Worker, roles and level are fixed here; the newcomer cannot ask for others. */
    public suspend fun invite(
        terms: Terms,
        notAfter: Instant? = null,
    ): Invitation = Invitation(engine.command { it.inviteByQr(terms, notAfter) }, engine)

    /** Invites a device by a short code that is spoken. */
    public suspend fun inviteByCode(
        terms: Terms,
        notAfter: Instant? = null,
    ): Invitation = Invitation(engine.command { it.inviteByCode(terms, notAfter) }, engine)

    /**
     * Joins the domain of whoever shows this QR code, or speaks this code: this device connected to it. It is a member
     * when this returns. The streams stay open, for a session.
     *
     * @param deviceName What the inviter is shown, with [fingerprint].
     * @param fingerprint Told what both screens show.
     */
    public suspend fun join(
        text: String,
        deviceName: String,
        streams: PeerStreams,
        fingerprint: (String) -> Unit = {},
    ) {
        val byQr = text.startsWith(QR_PREFIX)
        val joining = engine.command { if (byQr) it.joinByQr(text, deviceName) else it.joinByCode(text, deviceName) }
        joining.use {
            fingerprint(calling { it.fingerprint() })
            engine.blocking("join") {
                val portion = ByteArray(PORTION)
                while (true) {
                    it.take(PORTION.toUInt()).let(streams.output::write)
                    streams.output.flush()
                    val read = streams.input.read(portion)
                    if (read < 0) it.closed()
                    if (it.feed(portion.copyOf(maxOf(read, 0)))) break
                }
            }
        }
    }

    private companion object {
        const val QR_PREFIX = "CASEPLAN"
    }
}

/** The part of what is known to be there that has been done: 1.0 only when both sides hold the same. */
public val SyncProgress.fraction: Double get() = calling { fractionOf(this) }

/** An invitation: its [qr] text is drawn, or its [code] spoken. */
public class Invitation internal constructor(
    private val core: CoreInvitation,
    private val engine: Engine,
) : Closeable {
    /** The text to draw as a QR code; null where a code is spoken. */
    public val qr: String? get() = calling { core.qr() }

    /** The code to speak; null where a QR code is shown. */
    public val code: String? get() = calling { core.code() }

    /** When it is over. */
    public val expiresAt: Instant get() = calling { core.expiresAt() }

    /**
     * Takes in the device that connected. [confirm] is asked once, with the name and the fingerprint that both screens
     * show; true takes it in.
     *
     * @return Whether it was taken in.
     */
    public suspend fun takeIn(
        streams: PeerStreams,
        confirm: suspend (JoinRequest) -> Boolean,
    ): Boolean {
        val attempt = engine.command { core.takeIn() }
        return attempt.use {
            suspend fun send() =
                engine.blocking("invite") {
                    streams.output.write(it.take(PORTION.toUInt()))
                    streams.output.flush()
                }
            val portion = ByteArray(PORTION)
            var request: JoinRequest? = null
            while (request == null) {
                send()
                request =
                    engine.blocking("invite") {
                        val read = streams.input.read(portion)
                        if (read < 0) it.closed()
                        it.feed(portion.copyOf(maxOf(read, 0)))
                    }
            }
            val taken = confirm(request)
            engine.command { _ -> if (taken) it.accept() else it.decline() }
            send()
            taken
        }
    }

    override fun close(): Unit = core.close()
}

/** When a session is left. */
internal enum class Ending {
    /** As soon as both sides hold the same. */
    LEAVE,

    /** When the peer leaves. */
    STAY,
}

private const val PORTION = 64 * 1024

/** Carries a session over two streams: one thread waits for the peer, the session's own lane does the rest. */
internal suspend fun Engine.carry(
    streams: PeerStreams,
    ending: Ending,
    progress: SyncProgressHandler?,
    begin: (CoreStore) -> CoreSession,
): SyncReport {
    val session = command(begin)
    val portions = Channel<ByteArray>(PORTIONS_AHEAD)
    thread(name = "caseplan-peer", isDaemon = true) { portions.readFrom(streams.input) }
    try {
        return committed { commits ->
            ticking { ticks ->
                blocking("sync") { pump(session, streams, portions, commits, ticks, ending, progress) }
            }
        }
    } finally {
        withContext(NonCancellable) { streams.close() }
        portions.cancel()
        session.close()
        markOnlyHere()
    }
}

private const val PORTIONS_AHEAD = 16

/** Does [work] with a mark each second, by which a session notices that its peer is silent. */
private suspend fun <T> ticking(work: suspend (ReceiveChannel<Unit>) -> T): T =
    coroutineScope {
        val ticks = Channel<Unit>(Channel.CONFLATED)
        val clock =
            launch {
                while (true) {
                    delay(1.seconds)
                    ticks.trySend(Unit)
                }
            }
        try {
            work(ticks)
        } finally {
            clock.cancel()
        }
    }

/** Until the stream ends, breaks, or nobody takes what it brings. */
private fun Channel<ByteArray>.readFrom(input: InputStream) {
    val portion = ByteArray(PORTION)
    try {
        while (true) {
            val read = input.read(portion)
            if (read < 0) break
            trySendBlocking(portion.copyOf(read)).onClosed { return }
        }
    } catch (_: IOException) {
        // The connection broke, or was closed from this side: the session ends either way.
    }
    close()
}

private suspend fun pump(
    session: CoreSession,
    streams: PeerStreams,
    portions: Channel<ByteArray>,
    commits: ReceiveChannel<Unit>,
    ticks: ReceiveChannel<Unit>,
    ending: Ending,
    progress: SyncProgressHandler?,
): SyncReport {
    val begun = TimeSource.Monotonic.markNow()
    var connected = true

    fun flush() {
        while (connected) {
            val bytes = session.take(PORTION.toUInt())
            if (bytes.isEmpty()) break
            try {
                streams.output.write(bytes)
                streams.output.flush()
            } catch (_: IOException) {
                connected = false
            }
        }
    }
    try {
        while (connected) {
            flush()
            progress?.invoke(session.progress())
            if (session.isOver()) break
            if (ending == Ending.LEAVE && session.isAtRest()) {
                session.leave()
                continue
            }
            select {
                portions.onReceiveCatching { portion ->
                    val bytes = portion.getOrNull()
                    if (bytes == null) connected = false else session.feed(bytes)
                }
                commits.onReceiveCatching { if (it.isSuccess) session.catchUp() else connected = false }
                ticks.onReceive { session.tick(begun.elapsedNow().inWholeMilliseconds.toULong()) }
            }
        }
    } catch (_: CaseplanException.SyncFailed) {
        flush() // what tells the peer why
    }
    return session.report()
}
