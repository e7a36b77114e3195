package org.caseplan

import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull

/** How devices join, what stands in their way, and how a new phone takes the place of a lost one. */
class EnrolmentTest {
    @Test
    fun `a wrong code says how many tries are left, by the count of each side`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            phone.store.sync.inviteByCode(Terms(tablet.worker, listOf(Role.Caseworker))).use { invitation ->
                // What the inviter hears, and what the newcomer does.
                suspend fun says(code: String): Pair<Throwable?, Throwable?> =
                    coroutineScope {
                        val (near, far) = connection()
                        val taking = async { runCatching { invitation.takeIn(far) { true } } }
                        val joined = runCatching { tablet.store.sync.join(code, "Ana's tablet", near) }
                        taking.await().exceptionOrNull() to joined.exceptionOrNull()
                    }

                fun left(error: Throwable?): UInt? {
                    val failed = error as CaseplanException.NotEnrolled
                    assertEquals("wrong_code", failed.reason)
                    assertEquals("not enrolled: wrong_code, ${failed.triesLeft} tries left", failed.text)
                    return failed.triesLeft
                }

                fun left(both: Pair<Throwable?, Throwable?>) = left(both.first) to left(both.second)
                assertEquals(2U to 2U, left(says("0000-0000")))
                assertEquals(1U to 1U, left(says("0000-0000")))
                assertEquals(0U to 2U, left(says("1111-1111")), "the newcomer counts the code, the inviter its invitation")
                val (inviter, _) = says(assertNotNull(invitation.code()))
                expect(CaseplanException.NotEnrolled("no_tries_left", null)) { throw assertNotNull(inviter) }
            }
        }
}
