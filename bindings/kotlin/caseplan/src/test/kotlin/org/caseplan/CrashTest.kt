package org.caseplan

import org.junit.jupiter.api.Test
import java.io.File
import kotlin.random.Random
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** `-Dcaseplan.kills=500` asks for more. */
private val kills = Integer.getInteger("caseplan.kills", 6)

/** A process that is killed loses nothing that a call had returned for: drafts, contacts, and the file itself. */
class CrashTest {
    @Test
    fun `a killed process loses nothing that was acknowledged`() =
        story {
            val folder = folder()
            val config = StoreConfig(File(folder, "caseplan.db"), WorkerId("w-117"), paris)

            suspend fun <T> opened(work: suspend (Store) -> T): T {
                val store = Store.open(config, File(folder, "keys"))
                return work(store).also { store.close() }
            }
            val caseId = opened { Family.of(it).lea.id }
            val acknowledged = mutableListOf<String>()
            for (kill in 1..kills) {
                val lines = recordUntilKilled(folder, caseId, Random.nextInt(1, 12))
                acknowledged += lines
                opened { store -> assertEquals(emptyList(), lines.filterNot { store.has(it) }, "after kill $kill") }
                if (kill % 50 == 0) println("$kill kills, ${acknowledged.size} acknowledged, none lost")
            }
            opened { store ->
                assertEquals(emptyList(), acknowledged.filterNot { store.has(it) })
                assertTrue(store.verify().isSound)
            }
            assertTrue(acknowledged.size >= kills)
        }

    /** Whether what the child acknowledged is here. */
    private suspend fun Store.has(line: String): Boolean {
        val (what, id, text) = line.split(' ')
        val found =
            when (what) {
                "draft" -> contacts.draft(DraftId.parse(id))?.narrative
                else -> contacts.get(ContactId.parse(id))?.narrative
            }
        return found == text
    }

    /** Everything that the child acknowledged. It is killed some moment after its [count]th line, wherever it is then. */
    private fun recordUntilKilled(
        folder: File,
        caseId: CaseId,
        count: Int,
    ): List<String> {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val child =
            ProcessBuilder(
                java,
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Djna.library.path=" + System.getProperty("jna.library.path"),
                "-cp",
                System.getProperty("java.class.path"),
                "org.caseplan.CrashChildKt",
                folder.path,
                "$caseId",
            ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val output = child.inputStream
        val text = StringBuilder()
        while (text.count { it == '\n' } < count) {
            val byte = output.read()
            if (byte < 0) break
            text.append(byte.toChar())
        }
        Thread.sleep(0, Random.nextInt(999_999))
        Thread.sleep(Random.nextLong(20))
        // A handle leaves the streams open, in which the last lines are.
        child.toHandle().destroyForcibly()
        text.append(output.readBytes().toString(Charsets.US_ASCII))
        // A process that ended by itself has another code than that of SIGKILL.
        assertEquals(128 + 9, child.waitFor(), "the child ended by itself")
        // Whatever follows the last line's end was cut.
        return text.split('\n').dropLast(1)
    }
}
