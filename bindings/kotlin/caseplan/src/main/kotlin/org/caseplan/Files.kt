package org.caseplan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.AccessDeniedException
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.TRUNCATE_EXISTING
import java.nio.file.StandardOpenOption.WRITE

/** A file that is there whole or not at all: it is written beside its place, and put there at the end. */
internal class WholeFile(
    private val file: File,
) {
    private val lane = Engine.lane("file")

    suspend fun write(portions: Flow<ByteArray>) {
        val beside = File(file.path + ".partial").toPath()
        try {
            onFile { FileChannel.open(beside, CREATE, TRUNCATE_EXISTING, WRITE) }.use { channel ->
                portions.collect { portion ->
                    onFile {
                        val bytes = ByteBuffer.wrap(portion)
                        while (bytes.hasRemaining()) channel.write(bytes)
                    }
                }
                onFile { channel.force(true) }
            }
            onFile { Files.move(beside, file.toPath(), ATOMIC_MOVE, REPLACE_EXISTING) }
        } finally {
            runCatching { Files.deleteIfExists(beside) }
        }
    }

    private suspend fun <T> onFile(work: () -> T): T = withContext(lane) { ofFile(work) }
}

/** A file's bytes, read as they are asked for. */
internal fun portionsOf(file: File): Flow<ByteArray> =
    flow {
        val lane = Engine.lane("file")
        withContext(lane) { ofFile { file.inputStream() } }.use { stream ->
            val buffer = ByteArray(Engine.PORTION)
            while (true) {
                val read = withContext(lane) { ofFile { stream.read(buffer) } }
                if (read < 0) break
                emit(buffer.copyOf(read))
            }
        }
    }

/** What a failure of the platform's file calls is to an app. */
private inline fun <T> ofFile(work: () -> T): T =
    try {
        work()
    } catch (error: IOException) {
        // The platform has no class of its own for a full disk; the words are the system's.
        throw when {
            error.message.orEmpty().contains("No space left") -> CaseplanException.DiskFull()
            error is AccessDeniedException || error.message.orEmpty().contains("Read-only file system") ->
                CaseplanException.NotWritable()
            else -> CaseplanException.CannotOpen()
        }
    }
