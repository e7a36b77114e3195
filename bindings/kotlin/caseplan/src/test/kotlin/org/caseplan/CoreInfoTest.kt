package org.caseplan

import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals

class CoreInfoTest {
    @Test
    fun `the core has the version of this package`() =
        runTest {
            assertEquals(System.getProperty("caseplan.version"), CoreInfo.version())
        }
}
