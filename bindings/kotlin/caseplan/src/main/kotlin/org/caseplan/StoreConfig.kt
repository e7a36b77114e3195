package org.caseplan

import java.io.File
import java.time.ZoneId

/**
 * What a store is opened with: where it lives, whose it is, and where its day begins.
 *
 * @property file The database file; its folder must exist. On Android give it a folder below `Context.noBackupFilesDir`: a
 *   backup would hold what was taken back since, and a copy that comes back is an older one, which its peers must bring up to
 *   date.
 * @property worker Whose store it is: one device and one worker, for ever.
 * @property zone The zone in which the worker's day begins and ends. It must have a name in the IANA database, as every
 *   zone that people live in has; one of a fixed offset is refused by [Store.open].
 */
public data class StoreConfig(
    val file: File,
    val worker: WorkerId,
    val zone: ZoneId = ZoneId.systemDefault(),
) {
    internal val core: CoreStoreConfig get() = CoreStoreConfig(file.path, worker, Zone(zone))
}
