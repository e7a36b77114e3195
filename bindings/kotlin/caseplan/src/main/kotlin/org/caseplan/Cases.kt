package org.caseplan

import kotlinx.coroutines.flow.Flow
import java.time.LocalDate

/**
 * Cases and their participants.
 *
 * @sample org.caseplan.Samples.cases
 */
public class Cases internal constructor(
    private val engine: Engine,
) {
    /** Opens a case with its primary client. */
    public suspend fun create(new: NewCase): Case = engine.command { it.createCase(new) }

    /** Changes a case's own fields; what is null stays as it is. */
    public suspend fun change(
        caseId: CaseId,
        change: CaseChange,
    ): Case = engine.command { it.changeCase(caseId, change) }

    /** Closes a case. It can be read, corrected and reopened. */
    public suspend fun close(
        caseId: CaseId,
        on: LocalDate,
        reason: String,
    ): Case = engine.command { it.closeCase(caseId, on, reason) }

    /** Reopens a closed case; reopening an open one changes nothing. */
    public suspend fun reopen(caseId: CaseId): Case = engine.command { it.reopenCase(caseId) }

    /** Adds somebody to an open case. */
    public suspend fun addParticipant(
        caseId: CaseId,
        new: NewParticipant,
    ): Participant = engine.command { it.addParticipant(caseId, new) }

    /** Corrects a participant's name or date of birth; what was there before stays in the history. */
    public suspend fun correctParticipant(
        caseId: CaseId,
        participant: ParticipantId,
        correction: PersonCorrection,
    ): Participant = engine.command { it.correctParticipant(caseId, participant, correction) }

    /** Records that somebody left the case; they stay in it with an end date. */
    public suspend fun endParticipant(
        caseId: CaseId,
        participant: ParticipantId,
        on: LocalDate,
        reason: String,
    ): Participant = engine.command { it.endParticipant(caseId, participant, on, reason) }

    /** The caseload, by reference. */
    public suspend fun list(filter: CaseFilter = CaseFilter()): List<CaseSummary> =
        engine.read { it.listCases(filter) }

    /** The caseload, watched. */
    public fun watchList(filter: CaseFilter = CaseFilter()): Flow<List<CaseSummary>> =
        engine.watch(
            Concerns(
                Topic.CASES,
                Topic.VISITATION_PLANS,
                Topic.CONTACTS,
                Topic.DRAFTS,
                Topic.CONFLICTS,
                Topic.ISSUES,
            ),
        ) { it.listCases(filter) }

    /** A case as it stands; null if it is not here. */
    public suspend fun get(caseId: CaseId): Case? = engine.read { it.getCase(caseId) }

    /** A case, watched. */
    public fun watch(caseId: CaseId): Flow<Case?> =
        engine.watch(Concerns(Topic.CASES, caseId = caseId)) { it.getCase(caseId) }

    /** A case with its plans, contacts, drafts, conflicts and issues: one call for one screen. */
    public suspend fun overview(caseId: CaseId): CaseOverview = engine.read { it.caseOverview(caseId) }

    /** A case with all that, watched. */
    public fun watchOverview(caseId: CaseId): Flow<CaseOverview> =
        engine.watch(Concerns.everything(caseId)) { it.caseOverview(caseId) }
}
