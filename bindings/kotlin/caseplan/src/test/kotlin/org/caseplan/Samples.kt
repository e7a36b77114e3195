package org.caseplan

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.takeWhile
import java.io.File
import java.time.Duration
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId

/** One runnable example for each service: its documentation shows it, and [SamplesTest] runs it. */
object Samples {
    suspend fun store(
        file: File,
        vault: KeyVault,
    ): Store {
        val store = Store.open(StoreConfig(file, WorkerId("w-117"), ZoneId.of("Europe/Paris")), vault)
        val today = store.today()
        println("${today.due.size} due, ${today.overdue.size} overdue, ${today.drafts.size} drafts")
        return store
    }

    suspend fun cases(store: Store): CaseId {
        val lea = NewPerson("Léa Martin", born = LocalDate.of(2019, 4, 2))
        val case = store.cases.create(NewCase("2026-0117", primaryClient = lea))
        store.cases.addParticipant(case.id, NewParticipant(NewPerson("Ana Martin"), ParticipantRole.Parent))
        store.cases.watchOverview(case.id).first { overview ->
            overview.case.participants.size == 2
        }
        return case.id
    }

    suspend fun visitationPlans(
        store: Store,
        case: Case,
    ): List<DueVisit> {
        val (lea, ana) = case.participants
        store.visitationPlans.create(
            case.id,
            NewVisitationPlan(
                mandate = Mandate.CourtOrdered("TE 24/118", on = LocalDate.of(2026, 3, 2)),
                toVisit = setOf(PartyRef.Participant(lea.id)),
                visitors = setOf(PartyRef.Participant(ana.id)),
                schedule =
                    Schedule.Rule("FREQ=WEEKLY;BYDAY=SA", LocalDateTime.of(2026, 3, 7, 14, 0), ZoneId.of("Europe/Paris")),
                duration = Duration.ofHours(2),
                methods = setOf(ContactMethod.InPerson),
            ),
        )
        return store.visitationPlans.due(LocalDate.of(2026, 3, 7).week)
    }

    suspend fun contacts(
        store: Store,
        visit: DueVisit,
    ): Contact {
        val draft = store.contacts.startDraft(visit)
        store.contacts.saveDraft(
            draft.copy(narrative = "Léa ran to her mother.", outcome = Outcome(OutcomeCode.Occurred)),
        )
        return store.contacts.complete(draft.id)
    }

    suspend fun conflicts(store: Store) {
        for (conflict in store.conflicts.list()) {
            for (value in conflict.values) println("${conflict.field}: ${value.value}, by ${value.by} at ${value.at}")
            store.conflicts.settle(conflict.id, choice = conflict.values.first().id)
        }
    }

    suspend fun issues(store: Store) {
        for (issue in store.issues.list()) {
            when (val subject = issue.subject) {
                is IssueSubject.PossibleDuplicateContacts ->
                    store.issues.settle(issue.id, IssueChoice.Same(keep = subject.first), why = "one visit")
                is IssueSubject.PossibleDuplicateCases ->
                    store.issues.settle(issue.id, IssueChoice.Distinct, why = "siblings")
            }
        }
    }

    suspend fun history(
        store: Store,
        caseId: CaseId,
    ): Case? {
        for (event in store.history.events(caseId).events) println("${event.at}: ${event.code} by ${event.by}")
        return store.history.get(caseId, AsOf.Version(store.history.version(caseId)))
    }

    /** On the device that may certify: a QR code to draw, and a person who looks at both screens. */
    suspend fun invite(
        phone: Store,
        newcomer: WorkerId,
        peer: PeerStreams,
        draw: (String) -> Unit,
        isTheSame: suspend (JoinRequest) -> Boolean,
    ): Boolean =
        phone.sync.invite(Terms(newcomer, listOf(Role.Caseworker))).use { invitation ->
            invitation.qr()?.let(draw)
            invitation.takeIn(peer) { request -> isTheSame(request) } // its fingerprint and the one that the newcomer shows
        }

    /** On the new device, which scanned the code and connected. */
    suspend fun join(
        tablet: Store,
        scanned: String,
        peer: PeerStreams,
        show: (String) -> Unit,
    ): Standing {
        tablet.sync.join(scanned, deviceName = "Ana's tablet", peer) { fingerprint -> show(fingerprint) }
        return tablet.identity.standing() // it may sync now, over a connection of its own
    }

    suspend fun certify(
        phone: Store,
        tablet: Store,
    ) {
        val request = tablet.identity.requestCertificate()
        val answer = phone.identity.certify(request, listOf(Role.Caseworker))
        tablet.identity.adopt(answer)
    }

    suspend fun grants(
        store: Store,
        caseId: CaseId,
    ) {
        store.grants.give(caseId, NewGrant.colleague(WorkerId("w-204")))
        for (grant in store.grants.list(caseId)) println("${grant.worker} since ${grant.at}")
    }

    suspend fun exchange(
        phone: Store,
        tablet: Store,
    ): ImportReport {
        val vector = tablet.exchange.vector()
        return tablet.exchange.import(phone.exchange.export(vector))
    }

    suspend fun sync(
        store: Store,
        peer: PeerStreams,
    ): SyncReport {
        val report = store.sync.connect(peer) { println("${it.state}: ${it.onTheWay} on the way") }
        for (case in store.sync.status().onlyHere) println("${case.contacts} visits exist only on this phone")
        return report
    }

    suspend fun nearby(store: Store) {
        store.sync.nearby().takeWhile { peers -> peers.none { it.progress.state == SyncState.UP_TO_DATE } }.collect { peers ->
            for (peer in peers) println("${peer.worker ?: "somebody"}: ${(peer.progress.fraction * 100).toInt()} %")
        }
    }
}
