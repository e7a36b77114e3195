package org.caseplan

import kotlinx.coroutines.flow.Flow

/**
 * The event log, and everything as it stood.
 *
 * @sample org.caseplan.Samples.history
 */
public class History internal constructor(
    private val engine: Engine,
) {
    /**
     * The event log of a case, last received first.
     *
     * @param after [EventPage.next] of the page before.
     */
    public suspend fun events(
        caseId: CaseId,
        after: Long? = null,
        limit: Int = 50,
    ): EventPage = engine.read { it.events(caseId, after, limit.toUInt()) }

    /** The event log of a case, watched. */
    public fun watchEvents(
        caseId: CaseId,
        after: Long? = null,
        limit: Int = 50,
    ): Flow<EventPage> =
        engine.watch(
            Concerns(
                Topic.CASES,
                Topic.VISITATION_PLANS,
                Topic.CONTACTS,
                Topic.CONFLICTS,
                Topic.ISSUES,
                Topic.IDENTITY,
                caseId = caseId,
            ),
        ) { it.events(caseId, after, limit.toUInt()) }

    /** The version of a case's own document now, for [AsOf.Version]. */
    public suspend fun version(caseId: CaseId): List<ChangeHash> = engine.read { it.caseVersion(caseId) }

    /** The version of a plan's document now, for [AsOf.Version]. */
    public suspend fun version(plan: VisitationPlanId): List<ChangeHash> =
        engine.read { it.visitationPlanVersion(plan) }

    /** A case as it stood; null if there was none yet. */
    public suspend fun get(
        caseId: CaseId,
        asOf: AsOf,
    ): Case? = engine.read { it.caseAsOf(caseId, asOf) }

    /** A plan as it stood; null if there was none yet. */
    public suspend fun get(
        plan: VisitationPlanId,
        asOf: AsOf,
    ): VisitationPlan? = engine.read { it.visitationPlanAsOf(plan, asOf) }

    /** A contact as it stood; null if it was not recorded yet. */
    public suspend fun get(
        contact: ContactId,
        asOf: AsOf,
    ): Contact? = engine.read { it.contactAsOf(contact, asOf) }

    /** Every state of a participant, oldest first. */
    public suspend fun versions(
        caseId: CaseId,
        participant: ParticipantId,
    ): List<ParticipantVersion> = engine.read { it.participantVersions(caseId, participant) }
}
