package org.caseplan

import kotlinx.coroutines.flow.Flow

/**
 * Fields that hold several values, each with who wrote it, on which device and when.
 *
 * @sample org.caseplan.Samples.conflicts
 */
public class Conflicts internal constructor(
    private val engine: Engine,
) {
    /** Fields in conflict, of one case or all. */
    public suspend fun list(caseId: CaseId? = null): List<Conflict> = engine.read { it.listConflicts(caseId) }

    /** Fields in conflict, watched. */
    public fun watchList(caseId: CaseId? = null): Flow<List<Conflict>> =
        engine.watch(Concerns(Topic.CONFLICTS, Topic.CASES, Topic.IDENTITY, caseId = caseId)) {
            it.listConflicts(caseId)
        }

    /** One conflict as it stands; null if it is settled or has changed. */
    public suspend fun get(conflict: ConflictId): Conflict? = engine.read { it.getConflict(conflict) }

    /**
     * Ends a conflict with one of its values.
     *
     * The id holds the values that were seen: [CaseplanException.ConflictChanged] says that it moved on, and that it
     * must be read again.
     */
    public suspend fun settle(
        conflict: ConflictId,
        choice: ConflictValueId,
    ): Unit = engine.command { it.settleConflict(conflict, choice) }
}

/**
 * Two things that may be one: contacts of one visit, cases of one reference.
 *
 * @sample org.caseplan.Samples.issues
 */
public class Issues internal constructor(
    private val engine: Engine,
) {
    /** Issues of a case, or all; open ones only, or settled ones too. */
    public suspend fun list(
        caseId: CaseId? = null,
        settledToo: Boolean = false,
    ): List<Issue> = engine.read { it.listIssues(caseId, settledToo) }

    /** Issues, watched. */
    public fun watchList(
        caseId: CaseId? = null,
        settledToo: Boolean = false,
    ): Flow<List<Issue>> =
        engine.watch(Concerns(Topic.ISSUES, caseId = caseId)) { it.listIssues(caseId, settledToo) }

    /** Decides an issue, or decides it anew. */
    public suspend fun settle(
        issue: IssueId,
        choice: IssueChoice,
        why: String? = null,
    ): Issue = engine.command { it.settleIssue(issue, choice, why) }
}
