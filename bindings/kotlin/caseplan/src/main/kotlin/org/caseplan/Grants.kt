package org.caseplan

import kotlinx.coroutines.flow.Flow

/**
 * Who may see and write which case. The worker whose device opened a case needs no grant on it; administrators and hubs see every
 * case without one, and write none.
 *
 * @sample org.caseplan.Samples.grants
 */
public class Grants internal constructor(
    private val engine: Engine,
) {
    /** Lets a worker see and write something of a case. */
    public suspend fun give(
        caseId: CaseId,
        grant: NewGrant,
    ): GrantView = engine.command { it.grant(caseId, grant) }

    /** Takes grants back. What this store holds of their workers' work stays; what they still have is let in for 14 days. */
    public suspend fun takeBack(
        caseId: CaseId,
        grants: List<GrantId>,
    ): Unit = engine.command { it.takeBack(caseId, grants) }

    /** Every grant on a case, those that were taken back too. Who may read it by a role, or opened it, is told by [Sync.caseStatus]. */
    public suspend fun list(caseId: CaseId): List<GrantView> = engine.read { it.grants(caseId) }

    /** Every grant on a case, watched. */
    public fun watchList(caseId: CaseId): Flow<List<GrantView>> = engine.watch(Concerns(Topic.IDENTITY, Topic.TODAY)) { it.grants(caseId) }

    /**
     * Cases that were taken back from this worker, or whose grants ran out, or parts of them, and that are still here: what
     * was taken back can be read, its drafts completed or discarded, and nothing else be written. It goes by itself once it
     * has no drafts and all of it is known elsewhere; after a week drafts are completed as they stand.
     */
    public suspend fun takenBack(): List<TakenBack> = engine.read { it.takenBack() }

    /** The same, watched. */
    public fun watchTakenBack(): Flow<List<TakenBack>> = engine.watch(Concerns.everything(onlyHere = true)) { it.takenBack() }

    /** What ended devices and former colleagues still had, and what lost a fork, by case and device. */
    public suspend fun waiting(): List<WaitingWork> = engine.read { it.waitingWork() }

    /**
     * Lets in what a device still had of a case: a person's decision. Answers how many changes went in. What lost a fork
     * stands in this device's name from then on, at the times when it was written.
     */
    public suspend fun admit(
        caseId: CaseId,
        device: DeviceId,
    ): ULong = engine.command { it.admitWork(caseId, device) }

    /**
     * What ended devices wrote and others have accepted, though whoever ended the device did not have it then: what a thief
     * wrote may be among it. It counts, and asks for a look. What is older than the end, by its writer's clock, is not found
     * where whoever ended the device is no colleague on the case.
     */
    public suspend fun toReview(): List<WorkToReview> = engine.read { it.workToReview() }

    /**
     * Says that what a device wrote of a case was looked over and stands, for everybody on the case. What is wrong is
     * corrected as any other entry is. Answers how many changes that vouches for; what comes later is listed again.
     */
    public suspend fun confirm(
        caseId: CaseId,
        device: DeviceId,
    ): ULong = engine.command { it.confirmWork(caseId, device) }
}

/**
 * A grant of one visitation plan to read and its visits to record, and nothing else of its case: what whoever supervises
 * visits gets.
 */
public fun NewGrant.Companion.visits(
    worker: WorkerId,
    plan: VisitationPlanId,
): NewGrant = NewGrant(worker = worker, extent = Extent.Visits(plan), writes = listOf(DocumentKind.ContactLog))

/** A grant of everything up to a level: what a substitute or a colleague gets. */
public fun NewGrant.Companion.colleague(
    worker: WorkerId,
    level: Int = 1,
): NewGrant =
    NewGrant(
        worker = worker,
        extent = Extent.Level(level.coerceIn(0, UByte.MAX_VALUE.toInt()).toUByte()),
        writes =
            listOf(
                DocumentKind.Case,
                DocumentKind.Plan,
                DocumentKind.VisitationPlan,
                DocumentKind.ContactLog,
                DocumentKind.Assessment,
            ),
    )
