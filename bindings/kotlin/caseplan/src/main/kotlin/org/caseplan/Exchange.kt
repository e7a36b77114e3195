package org.caseplan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import java.io.File

/**
 * What others lack, and what they brought: as bytes, over any channel or in a file.
 *
 * Two stores of one domain meet by handing each other what the other lacks.
 *
 * @sample org.caseplan.Samples.exchange
 */
public class Exchange internal constructor(
    private val engine: Engine,
) {
    /** What this store holds, to be given to whoever exports for it. */
    public suspend fun vector(): ByteArray = engine.read { it.vector() }

    /** One figure for everything held: equal figures, equal holdings. */
    public suspend fun digest(): String = engine.read { it.digest() }

    /**
     * Everything that the owner of a vector lacks, in portions, made as they are asked for; everything there is if no
     * vector is given. A slow channel costs no memory. Each collector gets an export of its own.
     */
    public fun export(vector: ByteArray? = null): Flow<ByteArray> = engine.export(vector)

    /**
     * Exports into a file, which is there whole or not at all; one of the same name is replaced.
     *
     * When the coroutine is cancelled, no file is left.
     */
    public suspend fun export(
        file: File,
        vector: ByteArray? = null,
        progress: ProgressHandler? = null,
    ): Unit = WholeFile(file).write(engine.export(vector, progress))

    /**
     * Takes in what somebody exported, in any portions. What was committed stays, whatever happens later; a later import
     * goes on from there.
     *
     * When the coroutine is cancelled, it ends after the batch that is under way. An export that was cut short is no
     * error: [ImportReport.complete] tells.
     */
    public suspend fun import(
        portions: Flow<ByteArray>,
        progress: ProgressHandler? = null,
    ): ImportReport = engine.import(portions, total = 0, progress)

    /** Takes in bytes that somebody exported. */
    public suspend fun import(
        bytes: ByteArray,
        progress: ProgressHandler? = null,
    ): ImportReport {
        val portions =
            flow {
                for (from in bytes.indices step Engine.PORTION) {
                    emit(bytes.copyOfRange(from, minOf(from + Engine.PORTION, bytes.size)))
                }
            }
        return engine.import(portions, bytes.size.toLong(), progress)
    }

    /** Takes in a file that somebody exported. */
    public suspend fun import(
        file: File,
        progress: ProgressHandler? = null,
    ): ImportReport = engine.import(portionsOf(file), file.length(), progress)

    /** Changes that are held and not part of their documents, and what was refused outright, with the reason. */
    public suspend fun quarantine(): List<HeldChange> = engine.read { it.quarantine() }
}
