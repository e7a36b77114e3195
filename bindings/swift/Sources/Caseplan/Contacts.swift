// Completed contacts: recording, amending, pages and search. Drafts are in Drafts.swift.

import CaseplanCore
import CaseplanTypes

/// Drafts, contacts and their addenda.
public struct Contacts: Sendable {
  let engine: Engine

  /// Completes a draft: the contact is recorded and on disk when this returns, and the draft is gone.
  public func complete(_ draft: DraftId) async throws -> Contact {
    try await engine.command { try $0.completeDraft(draft: draft) }
  }

  /// Adds to a completed contact, and corrects values of it; what was recorded stays and is shown beside.
  public func amend(_ contact: ContactId, _ addendum: NewAddendum) async throws -> Contact {
    try await engine.command { try $0.amendContact(contact: contact, addendum: addendum) }
  }

  /// A page of contacts, newest first; of one case or plan, or all.
  /// - Parameter after: ``ContactPage/next`` of the page before.
  public func page(
    in caseId: CaseId? = nil, under plan: VisitationPlanId? = nil, after: String? = nil, limit: UInt32 = 50
  ) async throws -> ContactPage {
    let query = ContactQuery(case: caseId, plan: plan, after: after, limit: limit)
    return try await engine.read { try $0.contactPage(query: query) }
  }

  /// A page of contacts, watched.
  public func watchPage(
    in caseId: CaseId? = nil, under plan: VisitationPlanId? = nil, after: String? = nil, limit: UInt32 = 50
  ) -> Watched<ContactPage> {
    let query = ContactQuery(case: caseId, plan: plan, after: after, limit: limit)
    return engine.watch([.contacts, .identity], in: caseId) { try $0.contactPage(query: query) }
  }

  /// A contact with narrative, addenda and corrections; nil if it is not here.
  public func get(_ contact: ContactId) async throws -> Contact? {
    try await engine.read { try $0.getContact(contact: contact) }
  }

  /// A contact, watched.
  public func watch(_ contact: ContactId) -> Watched<Contact?> {
    engine.watch([.contacts, .identity]) { try $0.getContact(contact: contact) }
  }

  /// Contacts whose narrative or addenda hold every word; accents and case do not matter. Best first.
  public func search(_ words: String, in caseId: CaseId? = nil, limit: UInt32 = 50) async throws -> [ContactSummary] {
    try await engine.read { try $0.searchContacts(words: words, caseId: caseId, limit: limit) }
  }

  /// A search, watched.
  public func watchSearch(_ words: String, in caseId: CaseId? = nil, limit: UInt32 = 50) -> Watched<[ContactSummary]> {
    engine.watch([.contacts, .identity], in: caseId) {
      try $0.searchContacts(words: words, caseId: caseId, limit: limit)
    }
  }
}
