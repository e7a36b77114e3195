package org.caseplan

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** What the native core says of itself. */
public object CoreInfo {
    /** Returns the core's version. */
    public suspend fun version(): String = withContext(Dispatchers.IO) { coreVersion() }
}
