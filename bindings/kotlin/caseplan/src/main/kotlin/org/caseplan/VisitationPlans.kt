package org.caseplan

import kotlinx.coroutines.flow.Flow
import java.time.LocalDate

/**
 * Visitation plans and due visits.
 *
 * @sample org.caseplan.Samples.visitationPlans
 */
public class VisitationPlans internal constructor(
    private val engine: Engine,
) {
    /** Makes a visitation plan, active at once unless it is asked for as a draft. */
    public suspend fun create(
        caseId: CaseId,
        new: NewVisitationPlan,
    ): VisitationPlanView = engine.command { it.createVisitationPlan(caseId, new) }

    /** Activates a plan that was kept as a draft; an active one stays as it is. */
    public suspend fun activate(plan: VisitationPlanId): VisitationPlanView =
        engine.command { it.activateVisitationPlan(plan) }

    /** Changes a plan, what is null stays as it is; a court-ordered one by a new order only, as VP-03 says. */
    public suspend fun change(
        plan: VisitationPlanId,
        change: PlanChange,
    ): VisitationPlanView = engine.command { it.changeVisitationPlan(plan, change) }

    /** Ends a plan with this day as its last. A court-ordered plan needs the order that says so (VP-03). */
    public suspend fun end(
        plan: VisitationPlanId,
        on: LocalDate,
        order: CourtOrder? = null,
    ): VisitationPlanView = engine.command { it.endVisitationPlan(plan, on, order) }

    /** Withdraws a plan: it has no visits any more, what was recorded under it stays. */
    public suspend fun cancel(
        plan: VisitationPlanId,
        why: String,
    ): VisitationPlanView = engine.command { it.cancelVisitationPlan(plan, why) }

    /** A plan as it stands today; null if it is not here. */
    public suspend fun get(plan: VisitationPlanId): VisitationPlanView? = engine.read { it.getVisitationPlan(plan) }

    /** A plan, watched. */
    public fun watch(plan: VisitationPlanId): Flow<VisitationPlanView?> =
        engine.watch(plans()) { it.getVisitationPlan(plan) }

    /** The plans of a case, or all, earliest first. */
    public suspend fun list(caseId: CaseId? = null): List<VisitationPlanView> =
        engine.read { it.listVisitationPlans(caseId) }

    /** The plans of a case, or all, watched. */
    public fun watchList(caseId: CaseId? = null): Flow<List<VisitationPlanView>> =
        engine.watch(plans(caseId)) { it.listVisitationPlans(caseId) }

    /** Visits due on these days, the last one included, in the store's zone; of one case or all. */
    public suspend fun due(
        days: ClosedRange<LocalDate>,
        caseId: CaseId? = null,
    ): List<DueVisit> = engine.read { it.dueVisits(days.start, days.endInclusive, caseId) }

    /** Visits due on these days, watched. */
    public fun watchDue(
        days: ClosedRange<LocalDate>,
        caseId: CaseId? = null,
    ): Flow<List<DueVisit>> =
        engine.watch(
            Concerns(
                Topic.VISITATION_PLANS,
                Topic.CASES,
                Topic.CONTACTS,
                Topic.DRAFTS,
                Topic.ISSUES,
                Topic.TODAY,
                caseId = caseId,
            ),
        ) { it.dueVisits(days.start, days.endInclusive, caseId) }

    private fun plans(caseId: CaseId? = null) =
        Concerns(Topic.VISITATION_PLANS, Topic.CASES, Topic.TODAY, caseId = caseId)
}
