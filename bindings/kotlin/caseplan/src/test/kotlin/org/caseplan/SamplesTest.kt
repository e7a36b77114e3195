package org.caseplan

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import org.junit.jupiter.api.Test
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

class SamplesTest {
    @Test
    fun `every sample runs`() =
        story {
            val phone = Samples.store(File(folder(), "caseplan.db"), MemoryKeyVault())
            val tablet = Store.inMemory(WorkerId("w-204"), paris)
            val (near, far) = connection()
            val (drawn, shown) = List(2) { CompletableDeferred<String>() }
            val inviting =
                async {
                    Samples.invite(phone, WorkerId("w-204"), far, drawn::complete) { it.fingerprint == shown.await() }
                }
            assertEquals(Standing.CURRENT, Samples.join(tablet, drawn.await(), near, shown::complete))
            assertTrue(inviting.await())
            val desk = Store.inMemory(WorkerId("w-300"), paris)
            Samples.certify(phone, desk)
            assertEquals(phone.identity.domain(), desk.identity.domain())
            val caseId = Samples.cases(phone)
            Samples.grants(phone, caseId)
            val case = assertNotNull(phone.cases.get(caseId))
            val due = Samples.visitationPlans(phone, case)
            assertTrue(Samples.exchange(phone, tablet).complete)

            // Both write the same field, and both record the same visit.
            for (store in listOf(phone, tablet)) {
                store.cases.change(caseId, CaseChange(team = "of ${store.identity.device()}"))
                Samples.contacts(store, due.first())
            }
            Samples.exchange(phone, tablet)
            Samples.exchange(tablet, phone)
            assertEquals(1 to 1, phone.conflicts.list().size to phone.issues.list().size)
            Samples.conflicts(phone)
            Samples.issues(phone)
            assertEquals(0 to 0, phone.conflicts.list().size to phone.issues.list().size)
            assertEquals(phone.cases.get(caseId), Samples.history(phone, caseId))
        }
}
