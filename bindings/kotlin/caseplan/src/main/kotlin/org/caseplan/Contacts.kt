package org.caseplan

import kotlinx.coroutines.flow.Flow

/**
 * Drafts, contacts and their addenda.
 *
 * A draft is begun with one call, on disk after each save, and never lost. It stays on this device until it is
 * completed.
 *
 * @sample org.caseplan.Samples.contacts
 */
public class Contacts internal constructor(
    private val engine: Engine,
) {
    /** Begins a draft for a planned visit, filled in from its plan; it is on disk when this returns. */
    public suspend fun startDraft(occurrence: OccurrenceRef): ContactDraft = startDraft(listOf(occurrence))

    /** Begins one draft for several planned visits at once: siblings with a plan each. */
    public suspend fun startDraft(occurrences: List<OccurrenceRef>): ContactDraft =
        startDraft(DraftStart.Occurrences(occurrences))

    /** Begins a draft for a due visit: for its date, or under its plan if that has a quota. */
    public suspend fun startDraft(visit: DueVisit): ContactDraft =
        when (visit) {
            is DueVisit.Occurrence -> startDraft(visit.occurrence)
            is DueVisit.Quota -> startDraft(visit.plan)
        }

    /** Begins a draft for a visit under a plan, on no planned date. */
    public suspend fun startDraft(plan: VisitationPlanId): ContactDraft = startDraft(DraftStart.Plan(plan))

    /** Begins a draft for any other contact in a case. */
    public suspend fun startDraft(
        caseId: CaseId,
        kind: ContactKind,
    ): ContactDraft = startDraft(DraftStart.InCase(caseId, kind))

    /** Begins a draft. */
    public suspend fun startDraft(start: DraftStart): ContactDraft = engine.command { it.startDraft(start) }

    /**
     * Saves a draft; it is on disk when this returns. Answers it with its next revision: go on with that one.
     *
     * [CaseplanException.DraftChanged] says that it was saved elsewhere since it was read; both texts are kept.
     */
    public suspend fun saveDraft(draft: ContactDraft): ContactDraft = engine.command { it.saveDraft(draft) }

    /** Discards a draft, for ever. */
    public suspend fun discardDraft(draft: DraftId): Unit = engine.command { it.discardDraft(draft) }

    /** One draft; null if it was completed or discarded. */
    public suspend fun draft(draft: DraftId): ContactDraft? = engine.read { it.getDraft(draft) }

    /** One draft, watched. */
    public fun watchDraft(draft: DraftId): Flow<ContactDraft?> =
        engine.watch(Concerns(Topic.DRAFTS)) { it.getDraft(draft) }

    /** Drafts of a case, or all, last saved first. */
    public suspend fun drafts(caseId: CaseId? = null): List<ContactDraft> = engine.read { it.listDrafts(caseId) }

    /** Drafts of a case, or all, watched. */
    public fun watchDrafts(caseId: CaseId? = null): Flow<List<ContactDraft>> =
        engine.watch(Concerns(Topic.DRAFTS, caseId = caseId)) { it.listDrafts(caseId) }

    /** Completes a draft: the contact is recorded and on disk when this returns, and the draft is gone. */
    public suspend fun complete(draft: DraftId): Contact = engine.command { it.completeDraft(draft) }

    /** Adds to a completed contact, and corrects values of it; what was recorded stays and is shown beside. */
    public suspend fun amend(
        contact: ContactId,
        addendum: NewAddendum,
    ): Contact = engine.command { it.amendContact(contact, addendum) }

    /**
     * A page of contacts, newest first; of one case or plan, or all.
     *
     * @param after [ContactPage.next] of the page before.
     * @param limit At most so many, 1 to 500.
     */
    public suspend fun page(
        caseId: CaseId? = null,
        plan: VisitationPlanId? = null,
        after: String? = null,
        limit: Int = 50,
    ): ContactPage {
        val query = ContactQuery(caseId, plan, after, limit.toUInt())
        return engine.read { it.contactPage(query) }
    }

    /** A page of contacts, watched. */
    public fun watchPage(
        caseId: CaseId? = null,
        plan: VisitationPlanId? = null,
        after: String? = null,
        limit: Int = 50,
    ): Flow<ContactPage> {
        val query = ContactQuery(caseId, plan, after, limit.toUInt())
        return engine.watch(recorded(caseId)) { it.contactPage(query) }
    }

    /** A contact with narrative, addenda and corrections; null if it is not here. */
    public suspend fun get(contact: ContactId): Contact? = engine.read { it.getContact(contact) }

    /** A contact, watched. */
    public fun watch(contact: ContactId): Flow<Contact?> = engine.watch(recorded()) { it.getContact(contact) }

    /** Contacts whose narrative or addenda hold every word; accents and case do not matter. Best first. */
    public suspend fun search(
        words: String,
        caseId: CaseId? = null,
        limit: Int = 50,
    ): List<ContactSummary> = engine.read { it.searchContacts(words, caseId, limit.toUInt()) }

    /** A search, watched. */
    public fun watchSearch(
        words: String,
        caseId: CaseId? = null,
        limit: Int = 50,
    ): Flow<List<ContactSummary>> =
        engine.watch(recorded(caseId)) { it.searchContacts(words, caseId, limit.toUInt()) }

    private fun recorded(caseId: CaseId? = null) = Concerns(Topic.CONTACTS, Topic.IDENTITY, caseId = caseId)
}
