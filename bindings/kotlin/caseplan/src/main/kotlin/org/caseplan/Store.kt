package org.caseplan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext
import java.io.File
import java.time.ZoneId

/**
 * One worker's store on one device. Each concept is a small service that hangs off it.
 *
 * Every call is off the caller's thread. A command is on disk when it returns, and once begun it runs to that point
 * even if the coroutine that called it is cancelled. Calls throw a [CaseplanException]; long work (verification,
 * rebuild, backup, export, import) ends early when its coroutine is cancelled.
 *
 * @sample org.caseplan.Samples.store
 */
public class Store private constructor(
    internal val engine: Engine,
) {
    /** Cases and their participants. */
    public val cases: Cases = Cases(engine)

    /** Visitation plans and due visits. */
    public val visitationPlans: VisitationPlans = VisitationPlans(engine)

    /** Drafts, contacts and their addenda. */
    public val contacts: Contacts = Contacts(engine)

    /** Fields that hold several values. */
    public val conflicts: Conflicts = Conflicts(engine)

    /** Two things that may be one. */
    public val issues: Issues = Issues(engine)

    /** The event log, and everything as it stood. */
    public val history: History = History(engine)

    /** This device and the domain that it belongs to. */
    public val identity: Identity = Identity(engine)

    /** Who may see and write which case. */
    public val grants: Grants = Grants(engine)

    /** What others lack, and what they brought. */
    public val exchange: Exchange = Exchange(engine)

    /** Sessions with other devices, and the truth about what is where. */
    public val sync: Sync = Sync(engine)

    /** A first screen in one call: due, overdue, drafts, conflicts, issues, and what only this device has. */
    public suspend fun today(): Today = engine.read { it.today() }

    /** The first screen, watched; it turns with the day. */
    public fun watchToday(): Flow<Today> = engine.watch(Concerns.everything(onlyHere = true)) { it.today() }

    /** What this store is: schema, size, documents, changes, quarantined ones, encrypted or not, keys lost or not. */
    public suspend fun info(): Info = engine.read { it.info() }

    /** What this store did since it was opened. */
    public suspend fun stats(): Stats = engine.read { it.stats() }

    /** Checks every page, every change's bytes and signature, and every list against its document. */
    public suspend fun verify(progress: ProgressHandler? = null): VerifyReport =
        engine.long("verify") { core, token ->
            val report = core.verify(progress?.relay(), token)
            if (report.canceled) throw CaseplanException.Canceled()
            report
        }

    /**
     * Copies the store, consistently and while it is in use, into a new file. Drafts go with it, keys do not.
     *
     * A file that is there already is never overwritten ([CaseplanException.CannotOpen]). When the coroutine is
     * cancelled, no file is left.
     */
    public suspend fun backUp(
        file: File,
        progress: ProgressHandler? = null,
    ): Unit = engine.long("backup") { core, token -> core.backUp(file.path, progress?.relay(), token) }

    /**
     * Drops every list and index and makes it again from the documents, in one transaction: commands wait for it. When the
     * coroutine is cancelled, all of it is as it was.
     */
    public suspend fun rebuild(progress: ProgressHandler? = null) {
        engine.long("rebuild") { core, token -> core.rebuild(progress?.relay(), token) }
        engine.markAll()
    }

    /**
     * Lets go of every file and lock, after the command that is under way; until [resume], calls throw
     * [CaseplanException.Suspended] and flows wait. May be called again.
     */
    public suspend fun suspend(): Unit = engine.suspend()

    /** Takes the files back; flows go on with what stands now. May be called again. */
    public suspend fun resume(): Unit = engine.resume()

    /**
     * Closes the store: later calls throw [CaseplanException.Closed], reads that are under way are interrupted, the
     * command that is under way is finished, flows complete. May be called from anywhere and again, by a cancelled
     * coroutine too.
     */
    public suspend fun close(): Unit = engine.close()

    /** Opens stores. */
    public companion object {
        /**
         * Opens a store, or makes it, with the app's vault.
         *
         * A lost vault is no error: the store opens read-only and keeps drafts, see [Info.keysLost].
         *
         * @param config Where it lives and whose it is.
         * @param vault Where its secrets live; one vault belongs to one store.
         * @param clock Where the time comes from; the device's own clock if none is given.
         * @param log Takes log entries: codes and ids, never content.
         */
        public suspend fun open(
            config: StoreConfig,
            vault: KeyVault,
            clock: StoreClock? = null,
            log: LogSink? = null,
        ): Store =
            Store(Engine.open { CoreStore.open(config.core, vault.guarded(), clock?.guarded(), log?.guarded()) })

        /** Opens a store with a vault of files in a folder, which only their owner can read: for desktops and tests. */
        public suspend fun open(
            config: StoreConfig,
            vaultFolder: File,
            clock: StoreClock? = null,
            log: LogSink? = null,
        ): Store =
            Store(
                Engine.open {
                    CoreStore.openWithVaultFolder(config.core, vaultFolder.path, clock?.guarded(), log?.guarded())
                },
            )

        /** Opens a store in memory, gone when it closes: for an app's own tests and previews. */
        public suspend fun inMemory(
            worker: WorkerId = WorkerId("w-1"),
            zone: ZoneId = ZoneId.systemDefault(),
            clock: StoreClock? = null,
            log: LogSink? = null,
        ): Store {
            val config = CoreStoreConfig(null, worker, Zone(zone))
            return Store(Engine.open { CoreStore.openWithMemoryVault(config, clock?.guarded(), log?.guarded()) })
        }

        /**
         * Puts a backup in the place of a store that is not open. Opened with its vault, the store notices that it was
         * restored and writes as somebody new from then on.
         */
        public suspend fun restore(
            backup: File,
            file: File,
        ): Unit = withContext(Engine.lane("restore")) { calling { restoreStore(backup.path, file.path) } }

        /** The version of the native core, as in `1.2.3`. */
        public suspend fun coreVersion(): String =
            withContext(Engine.lane("version")) { calling { org.caseplan.coreVersion() } }
    }
}

/** Whether everything is as it was written. */
public val VerifyReport.isSound: Boolean
    get() = damaged.isEmpty() && forged.isEmpty() && staleRows == 0UL && !canceled
