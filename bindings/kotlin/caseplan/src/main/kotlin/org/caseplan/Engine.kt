package org.caseplan

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * The native store, and the lanes on which it is called.
 *
 * The core's calls are synchronous and end in file access. Commands queue on one lane, as they do in the core. Reads
 * have lanes of their own and never wait for a command. Opening, closing and suspending have one; long work brings its
 * own. A lane is a view of the threads for blocking calls, and takes none from an app's own use of them.
 */
internal class Engine private constructor(
    private val core: CoreStore,
    private val hub: ChangeHub,
    private val lifecycle: CoroutineDispatcher,
) {
    private val commands = lane("commands")
    private val reads = lane("reads", READERS)

    /** How many flows are being read. */
    val watchers: Int get() = hub.size

    /** One transaction. Once begun it runs to its commit, whatever becomes of the coroutine that waits for it. */
    suspend fun <T> command(work: (CoreStore) -> T): T {
        currentCoroutineContext().ensureActive()
        return withContext(NonCancellable + commands) { calling { work(core) } }
    }

    suspend fun <T> read(work: (CoreStore) -> T): T =
        withContext(reads) {
            try {
                calling { work(core) }
            } catch (_: CaseplanException.Canceled) {
                // Interrupted by a suspension that was over before the read could say so.
                calling { work(core) }
            }
        }

    /** Long work on a lane of its own. It ends early when its coroutine is cancelled. */
    suspend fun <T> long(
        name: String,
        work: (CoreStore, CancelToken) -> T,
    ): T =
        CancelToken().use { token ->
            cancelling(token::cancel) { withContext(lane(name)) { calling { work(core, token) } } }
        }

    /** Wakes what tells how much is only here. */
    fun markOnlyHere() = hub.markOnlyHere()

    fun <T> watch(
        concerns: Concerns,
        work: (CoreStore) -> T,
    ): Flow<T> =
        flow {
            val marks = hub.subscribe(concerns)
            try {
                for (mark in marks) {
                    val answer =
                        try {
                            read(work)
                        } catch (_: CaseplanException.Suspended) {
                            continue // resuming marks every flow
                        } catch (_: CaseplanException.Closed) {
                            break
                        }
                    emit(answer)
                }
            } finally {
                hub.leave(marks)
            }
        }

    /** What the owner of [vector] lacks, made portion by portion as it is asked for. */
    fun export(
        vector: ByteArray?,
        progress: ProgressHandler? = null,
    ): Flow<ByteArray> =
        flow {
            val lane = lane("export")
            val export = withContext(lane) { calling { core.startExport(vector) } }
            try {
                while (true) {
                    val (portion, made) =
                        withContext(lane) { calling { export.next(PORTION.toUInt()) to export.progress() } }
                    progress.tell(made)
                    if (portion.isEmpty()) break
                    emit(portion)
                }
            } finally {
                export.close()
            }
        }

    /** Feeds [portions]. What was committed stays, whatever they throw. */
    suspend fun import(
        portions: Flow<ByteArray>,
        total: Long,
        progress: ProgressHandler?,
    ): ImportReport {
        val lane = lane("import")
        val import = withContext(lane) { calling { core.startImport() } }
        var done = 0UL
        try {
            return cancelling(import::cancel) {
                portions.collect { portion ->
                    withContext(lane) { calling { import.feed(portion) } }
                    done += portion.size.toULong()
                    progress.tell(WorkProgress(done, total.toULong()))
                }
                withContext(lane) { calling { import.finish() } }
            }
        } finally {
            import.close()
            hub.markOnlyHere()
        }
    }

    suspend fun suspend() = toTheEnd { core.suspend() }

    suspend fun resume() =
        toTheEnd {
            core.resume()
            hub.markAll()
        }

    suspend fun close() =
        toTheEnd {
            core.shut()
            hub.end()
        }

    /** Wakes every flow, when everything was made anew. */
    fun markAll() = hub.markAll()

    /** May be called by a coroutine that was cancelled: that is when an app lets go of a store. */
    private suspend fun toTheEnd(work: () -> Unit) = withContext(NonCancellable + lifecycle) { calling(work) }

    companion object {
        /** Reads at one time; more of them wait for each other. */
        private const val READERS = 4

        /** How many bytes go over the boundary at once. */
        const val PORTION = 256 * 1024

        fun lane(
            name: String,
            width: Int = 1,
        ): CoroutineDispatcher = Dispatchers.IO.limitedParallelism(width, "caseplan-$name")

        suspend fun open(open: () -> CoreStore): Engine {
            val lifecycle = lane("lifecycle")
            return withContext(lifecycle) {
                calling {
                    val hub = ChangeHub()
                    val core = open()
                    core.watch(hub)
                    Engine(core, hub, lifecycle)
                }
            }
        }
    }
}

/** Calls the core. Whatever goes wrong, an app meets a [CaseplanException]. */
internal inline fun <T> calling(work: () -> T): T =
    try {
        work()
    } catch (error: CaseplanException) {
        throw error
    } catch (error: CancellationException) {
        throw error
    } catch (error: Exception) {
        // A panic, or a package and a library of different versions. The text may hold anything: only its class goes on.
        throw CaseplanException.Unexpected(error.javaClass.simpleName)
    }

/** Does [work]. When its coroutine is cancelled, [cancel] is called at once, on the thread that cancels. */
private suspend fun <T> cancelling(
    cancel: () -> Unit,
    work: suspend () -> T,
): T =
    coroutineScope {
        val waiting =
            launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
                try {
                    awaitCancellation()
                } finally {
                    cancel()
                }
            }
        try {
            work()
        } catch (canceled: CaseplanException.Canceled) {
            ensureActive()
            throw canceled
        } finally {
            waiting.cancel()
        }
    }
