package org.caseplan

import com.sun.jna.Native
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext
import java.net.Socket

// Connections that the app brings: the core carries them, on threads of its own.

/** A session, which [work] carries. What it tells wakes whoever watches how much is only here. */
internal suspend fun Engine.sync(
    handler: SyncProgressHandler?,
    streams: PeerStreams? = null,
    work: (CoreStore, SyncListener, CancelToken) -> SyncReport,
): SyncReport {
    val listener =
        object : SyncListener {
            override fun onProgress(progress: SyncProgress) {
                if (progress.state == SyncState.UP_TO_DATE) markOnlyHere()
                handler?.invoke(progress)
            }
        }
    try {
        return over(streams, "sync") { core, token -> work(core, listener, token) }
    } finally {
        markOnlyHere()
    }
}

/** Long work over a connection, which is closed in the end, also where nothing was ever said. */
internal suspend fun <T> Engine.over(
    streams: PeerStreams?,
    name: String,
    work: (CoreStore, CancelToken) -> T,
): T =
    try {
        long(name, work)
    } finally {
        // Not on the caller's thread: closing may speak to the peer.
        withContext(NonCancellable + Engine.lane("closing")) { runCatching { streams?.close() } }
    }

/** The streams as the core reads and writes them. Whatever they throw is a connection that broke. */
internal fun PeerStreams.relay(): CoreConnection =
    object : CoreConnection {
        private val portion = ByteArray(PORTION)

        override fun read(): ByteArray {
            stayAttached()
            var read = 0
            while (read == 0) read = input.read(portion)
            return if (read < 0) ByteArray(0) else portion.copyOf(read)
        }

        override fun write(bytes: ByteArray) {
            stayAttached()
            output.write(bytes)
            output.flush()
        }

        override fun finish() {
            (closing as? Socket)?.shutdownOutput()
        }

        override fun shut() = closing.close()
    }

/**
 * The core's thread is one thread to Java too, until it ends: not another in each call, which costs time and breaks streams
 * that know their reader and writer, such as pipes.
 */
private fun stayAttached() = Native.detach(false)

private const val PORTION = 64 * 1024
