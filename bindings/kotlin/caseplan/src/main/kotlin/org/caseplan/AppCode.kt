package org.caseplan

import java.time.Instant

/** Told how far long work is, on the thread that does it: do not wait there. One that throws misses a figure. */
public typealias ProgressHandler = (WorkProgress) -> Unit

internal fun ProgressHandler?.tell(progress: WorkProgress) {
    if (this != null) runCatching { invoke(progress) }
}

/** The handler as the core calls it. */
internal fun ProgressHandler.relay(): ProgressListener =
    object : ProgressListener {
        override fun onProgress(progress: WorkProgress) = this@relay.tell(progress)
    }

/**
 * Calls an app's vault, clock or log for the core.
 *
 * What that throws without meaning to goes on as its class: its text may hold anything, and an [Error] that reached
 * native code would be lost there.
 */
private inline fun <T> appCode(work: () -> T): T =
    try {
        work()
    } catch (meant: CallbackException) {
        throw meant
    } catch (thrown: Throwable) {
        throw CallbackException.Failed(thrown.javaClass.simpleName.ifEmpty { "anonymous" })
    }

internal fun KeyVault.guarded(): KeyVault {
    val app = this
    return object : KeyVault {
        override fun load(name: String): ByteArray? = appCode { app.load(name) }

        override fun store(
            name: String,
            secret: ByteArray,
        ) = appCode { app.store(name, secret) }

        override fun delete(name: String) = appCode { app.delete(name) }
    }
}

internal fun StoreClock.guarded(): StoreClock {
    val app = this
    return object : StoreClock {
        override fun now(): Instant = appCode { app.now() }
    }
}

internal fun LogSink.guarded(): LogSink {
    val app = this
    return object : LogSink {
        override fun log(
            level: LogLevel,
            code: String,
            ids: List<String>,
        ) = appCode { app.log(level, code, ids) }
    }
}
