package org.caseplan

import org.junit.jupiter.api.Test
import java.io.File
import java.time.format.DateTimeFormatter
import kotlin.test.assertEquals
import kotlin.test.assertNotNull

/** One store, one due list: Kotlin says of the store that the Rust tests leave what the core and the command line say. */
class ParityTest {
    @Test
    fun `the due list is the command line's`() =
        story {
            val shared =
                assertNotNull(
                    System.getenv("CASEPLAN_PARITY"),
                    "CASEPLAN_PARITY names the folder that the Rust test `parity` fills; ./test sets it",
                )
            val folder = folder()
            for (name in listOf("caseplan.db", "caseplan.db.keys")) {
                File(shared, name).copyRecursively(File(folder, name))
            }
            val store =
                Store.open(
                    StoreConfig(File(folder, "caseplan.db"), WorkerId("w-117"), paris),
                    vaultFolder = File(folder, "caseplan.db.keys"),
                )
            val said = store.visitationPlans.due(day("2026-03-16")..day("2026-04-12")).map(::line)
            store.close()
            assertEquals(File(shared, "due.txt").readLines(), said)
        }

    /** A due visit as one line: the same in Rust, Kotlin and Swift. */
    private fun line(visit: DueVisit): String =
        when (visit) {
            is DueVisit.Occurrence ->
                listOf(
                    "occurrence",
                    visit.occurrence.plan,
                    visit.occurrence.schedule,
                    visit.occurrence.day,
                    visit.startsAt.epochSecond,
                    DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm").format(visit.local),
                    visit.minutes ?: 0,
                    visit.place.orEmpty(),
                    visit.toVisit.joinToString(","),
                    visit.visitors.joinToString(","),
                    visit.contacts.joinToString(","),
                )
            is DueVisit.Quota ->
                listOf(
                    "quota",
                    visit.plan,
                    visit.from,
                    visit.to,
                    visit.planned,
                    visit.done,
                    visit.toVisit.joinToString(","),
                    visit.visitors.joinToString(","),
                )
        }.joinToString("|")
}
