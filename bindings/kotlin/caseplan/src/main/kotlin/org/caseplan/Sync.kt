package org.caseplan

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.runBlocking
import java.io.Closeable
import java.io.File
import java.io.InputStream
import java.io.OutputStream
import java.time.Instant

/** Told how far a session is, on the thread that carries it: do not wait there. */
public typealias SyncProgressHandler = (SyncProgress) -> Unit

/**
 * Two streams to one peer: a socket's, a Bluetooth connection's. One thread reads and another writes.
 *
 * Closing it closes both, and ends a read or a write that waits; it may be closed already.
 */
public class PeerStreams(
    /** What comes from the peer. */
    public val input: InputStream,
    /** What goes to it. */
    public val output: OutputStream,
    internal val closing: Closeable,
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
     * The same of one case: which devices may read it and when each was last seen to hold the same, what exists only here, what is
     * kept apart and why; null for a case that is not here.
     */
    public suspend fun caseStatus(caseId: CaseId): CaseSyncStatus? = engine.read { it.caseSyncStatus(caseId) }

    /** The same, watched. */
    public fun watchCaseStatus(caseId: CaseId): Flow<CaseSyncStatus?> =
        engine.watch(Concerns.everything(onlyHere = true)) { it.caseSyncStatus(caseId) }

    /**
     * Syncs with a peer that this device connected to, until both hold the same of what both may read. With [stay] the
     * session stays open and what either side commits is sent at once, until the coroutine is cancelled or the peer
     * leaves. The streams are closed in the end.
     *
     * A session that ends early is no exception: [SyncReport.failed] says why, and what was committed stays.
     *
     * A peer that missed the end of a device knows only an older secret of the network, and takes this device for a
     * `stranger`: it says nothing and closes, which here is `cut`, with no [SyncReport.peer]. Each call tries another secret,
     * so connect anew and call this again, up to 14 times in all. [connect] to a host and port does so by itself.
     */
    public suspend fun connect(
        streams: PeerStreams,
        stay: Boolean = false,
        progress: SyncProgressHandler? = null,
    ): SyncReport =
        engine.sync(progress, streams) { core, listener, token ->
            core.connect(streams.relay(), stay, listener, token)
        }

    /**
     * Syncs with a peer that connected to this device, until it leaves. The streams are closed in the end.
     *
     * `stranger` in [SyncReport.failed] may be a colleague, where this device missed the end of another one: let the peer
     * connect again, each time it tries another secret of the network.
     */
    public suspend fun accept(
        streams: PeerStreams,
        progress: SyncProgressHandler? = null,
    ): SyncReport =
        engine.sync(progress, streams) { core, listener, token ->
            core.accept(streams.relay(), listener, token)
        }

    /**
     * Syncs with the peer that listens at a host and port, as with [connect] over streams. A peer that missed the end of a
     * device is connected to again by itself.
     *
     * @throws CaseplanException.NetworkFailed
     */
    public suspend fun connect(
        host: String,
        port: Int,
        stay: Boolean = false,
        progress: SyncProgressHandler? = null,
    ): SyncReport {
        if (port !in 1..UShort.MAX_VALUE.toInt()) throw CaseplanException.Invalid("port", "range")
        return engine.sync(progress) { core, listener, token ->
            core.syncWith(host, port.toUShort(), stay, listener, token)
        }
    }

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
    ): HandOverReport =
        try {
            engine.long("take-over") { core, token -> core.takeOver(file.path, progress?.relay(), token) }
        } finally {
            engine.markOnlyHere()
        }

    /**
     * Invites a device by a QR code, for 300 seconds. Worker, roles and level are fixed here; the newcomer cannot ask for
     * others.
     *
     * Only a device that may certify invites: who began the domain, and whom it made an issuer.
     *
     * @param notAfter Until when its certificate is good for connections; for ever if nothing is said.
     * @throws CaseplanException.NotCertified
     * @sample org.caseplan.Samples.invite
     */
    public suspend fun invite(
        terms: Terms,
        notAfter: Instant? = null,
    ): Invitation = Invitation(engine.command { it.inviteByQr(terms, notAfter) }, engine)

    /**
     * Invites a device by a short code that is spoken, and may be tried three times; else as [invite].
     *
     * @param notAfter Until when its certificate is good for connections; for ever if nothing is said.
     * @throws CaseplanException.NotCertified
     */
    public suspend fun inviteByCode(
        terms: Terms,
        notAfter: Instant? = null,
    ): Invitation = Invitation(engine.command { it.inviteByCode(terms, notAfter) }, engine)

    /**
     * Joins the domain of whoever shows this QR code, or speaks this code: this device connected to it. It is a member
     * when this returns. The streams are closed in the end; a session has a connection of its own. Without an answer it gives up
     * after 300 seconds (`closed`).
     *
     * @param deviceName What the inviter is shown, with [fingerprint].
     * @param fingerprint Told what both screens show, on the thread that carries it.
     * @throws CaseplanException.NotEnrolled
     * @throws CaseplanException.NotCertified Where the answer cannot be adopted.
     * @sample org.caseplan.Samples.join
     */
    public suspend fun join(
        text: String,
        deviceName: String,
        streams: PeerStreams,
        fingerprint: (String) -> Unit = {},
    ) {
        val listener =
            object : CoreFingerprintListener {
                override fun onFingerprint(fingerprint: String) = fingerprint(fingerprint)
            }
        engine.over(streams, "join") { core, token -> core.join(text, deviceName, streams.relay(), listener, token) }
    }
}

/**
 * The part of what is known to be there that has been done, 0.0 to 1.0. It is 1.0 only when both sides hold the same, and
 * stays 1.0 when the session is over after that.
 */
public val SyncProgress.fraction: Double get() = calling { fractionOf(this) }

/** What an app may show of it, in English; an app of another language has words of its own for each. */
public val Refusal.words: String get() = calling { wordsOf(this) }

/** An invitation: its [qr] text is drawn, or its [code] spoken. */
public class Invitation internal constructor(
    private val core: CoreInvitation,
    private val engine: Engine,
) : Closeable {
    /** The text to draw as a QR code; null where a code is spoken. */
    public suspend fun qr(): String? = engine.read { core.qr() }

    /** The code to speak; null where a QR code is shown. */
    public suspend fun code(): String? = engine.read { core.code() }

    /** When it is over. */
    public suspend fun expiresAt(): Instant = engine.read { core.expiresAt() }

    /**
     * Takes in the device that connected. [confirm] is asked once, with the name and the fingerprint that both screens
     * show; true takes it in. The streams are closed in the end. Without a request it gives up after 30 seconds (`closed`).
     *
     * @return Whether it was taken in.
     * @throws CaseplanException.NotEnrolled
     * @throws CaseplanException.NotCertified Where the device cannot be certified: the newcomer hears `declined` then.
     */
    public suspend fun takeIn(
        streams: PeerStreams,
        confirm: suspend (JoinRequest) -> Boolean,
    ): Boolean =
        coroutineScope {
            val confirmation = Confirmation(this, confirm)
            engine.over(streams, "invite") { _, token -> core.takeIn(streams.relay(), confirmation, token) }
        }

    override fun close(): Unit = core.close()
}

/** Asks the app, whose coroutine this is; what the app throws ends that. */
private class Confirmation(
    private val scope: CoroutineScope,
    private val confirm: suspend (JoinRequest) -> Boolean,
) : CoreJoinDecision {
    override fun decide(request: JoinRequest): Boolean = runBlocking { scope.async { confirm(request) }.await() }
}
