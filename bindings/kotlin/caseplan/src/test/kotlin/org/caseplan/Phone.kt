package org.caseplan

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import java.io.File
import java.nio.file.Files
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId
import java.util.UUID
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.fail
import kotlin.time.Duration.Companion.minutes

// What the tests share: phones with real stores in real files, a clock that is set by hand, bytes between them.

fun day(text: String): LocalDate = LocalDate.parse(text)

fun at(text: String): Instant = Instant.parse(text)

val paris: ZoneId = ZoneId.of("Europe/Paris")

/** A test that may wait. The limit is for a test that would wait for ever; `-Dcaseplan.minutes=60` moves it. */
fun story(tell: suspend CoroutineScope.() -> Unit) =
    runBlocking { withTimeout(Integer.getInteger("caseplan.minutes", 5).minutes, tell) }

/** A folder of a test's own. All of them go when the tests end: a store may outlive the test that opened it. */
fun folder(): File = Files.createTempDirectory(Folders.all.toPath(), "").toFile()

private object Folders {
    val all: File =
        Files.createTempDirectory("caseplan-").toFile().also { all ->
            Runtime.getRuntime().addShutdownHook(Thread { all.deleteRecursively() })
        }
}

/** A phone with one worker's store in a file. Stories begin on Monday, 2 March 2026. */
class Phone private constructor(
    val store: Store,
    val folder: File,
    val vault: KeyVault,
    val clock: FixedClock,
    val worker: WorkerId,
) {
    val file = File(folder, "caseplan.db")

    /** A new phone of another worker in the same domain. */
    suspend fun enrol(worker: String): Phone {
        val other = open(worker)
        val answer = store.identity.certify(other.store.identity.requestCertificate(), listOf(Role.Caseworker))
        other.store.identity.adopt(answer)
        return other
    }

    /** The store as it is after the app was started again. */
    suspend fun restarted(
        vault: KeyVault = this.vault,
        worker: String = this.worker.value,
    ): Phone {
        store.close()
        return open(worker, folder, vault, clock)
    }

    fun now(text: String) {
        clock.time = at(text)
    }

    /** Grants the other's worker every case that this one may grant, once. */
    suspend fun share(other: Phone) {
        if (worker == other.worker || store.identity.domain() != other.store.identity.domain()) return
        for (case in store.cases.list(CaseFilter(closedToo = true))) {
            if (store.grants.list(case.id).any { it.worker == other.worker }) continue
            try {
                store.grants.give(case.id, NewGrant.colleague(other.worker).copy(mayGrant = true))
            } catch (_: CaseplanException.NotGranted) {
                continue // not this one's to grant
            }
        }
    }

    /** Gives a case another team. */
    suspend fun writes(
        case: Case,
        team: String,
    ) = store.cases.change(case.id, CaseChange(team = team))

    /** The team that it shows. */
    suspend fun team(case: Case): String? = store.cases.get(case.id)?.team

    /** Hands everything that the other lacks to it, with the right to write. */
    suspend fun hand(to: Phone): ImportReport {
        share(to)
        return to.store.exchange.import(store.exchange.export(to.store.exchange.vector()))
    }

    /** Both hand each other what the other lacks, until neither has anything new. */
    suspend fun meet(other: Phone) {
        repeat(8) {
            if (hand(other).accepted + other.hand(this).accepted == 0UL) return
        }
        fail("two phones that never come to rest")
    }

    companion object {
        suspend fun open(
            worker: String = "w-117",
            folder: File = folder(),
            vault: KeyVault = MemoryKeyVault(),
            clock: FixedClock = FixedClock(at("2026-03-02T08:00:00Z")),
        ): Phone {
            val config = StoreConfig(File(folder, "caseplan.db"), WorkerId(worker), paris)
            return Phone(Store.open(config, vault, clock), folder, vault, clock, config.worker)
        }
    }
}

/** Léa's case and her mother, in a store. */
class Family private constructor(
    private val store: Store,
    val lea: Case,
    val ana: Participant,
) {
    /** Ana visits Léa on Saturdays at 14:00. */
    suspend fun saturdays(rule: String = "FREQ=WEEKLY;BYDAY=SA"): VisitationPlan {
        val new =
            NewVisitationPlan(
                mandate = Mandate.MutuallyAgreed(on = null),
                toVisit = setOf(PartyRef.Participant(lea.primaryClient)),
                visitors = setOf(PartyRef.Participant(ana.id)),
                schedule = Schedule.Rule(rule, startsAt = LocalDateTime.of(2026, 3, 7, 14, 0), paris),
                duration = java.time.Duration.ofHours(2),
                methods = setOf(ContactMethod.InPerson),
                place = "Maison de la famille, salle 2",
            )
        return store.visitationPlans.create(lea.id, new).plan
    }

    companion object {
        suspend fun of(
            store: Store,
            reference: String = "2026-0117",
        ): Family {
            val lea = store.cases.create(NewCase(reference, primaryClient = NewPerson("Léa Martin", day("2019-04-02"))))
            val ana = store.cases.addParticipant(lea.id, NewParticipant(NewPerson("Ana Martin"), ParticipantRole.Parent))
            return Family(store, lea, ana)
        }
    }
}

/** The planned visits of some days. */
suspend fun Store.planned(days: ClosedRange<LocalDate>): List<OccurrenceRef> =
    visitationPlans.due(days).mapNotNull { it.occurrence }

/** Records that a planned visit took place. */
suspend fun Store.record(
    occurrence: OccurrenceRef,
    narrative: String,
): Contact {
    val draft = contacts.startDraft(occurrence)
    contacts.saveDraft(draft.copy(narrative = narrative, outcome = Outcome(OutcomeCode.Occurred)))
    return contacts.complete(draft.id)
}

/** Records a contact on no planned date. */
suspend fun Store.recordCall(
    caseId: CaseId,
    narrative: String,
): Contact {
    val draft = contacts.startDraft(caseId, ContactKind.Collateral)
    contacts.saveDraft(
        draft.copy(
            narrative = narrative,
            outcome = Outcome(OutcomeCode.Attempted, reason = OutcomeReason.Other),
            time = ContactTime(day("2026-03-01"), zone = Zone(paris)),
        ),
    )
    return contacts.complete(draft.id)
}

/** A draft for a call, with its outcome. */
suspend fun Store.draftCall(
    caseId: CaseId,
    outcome: Outcome?,
): ContactDraft = contacts.saveDraft(contacts.startDraft(caseId, ContactKind.Collateral).copy(outcome = outcome))

/** Expects exactly this error. */
suspend fun expect(
    expected: CaseplanException,
    work: suspend () -> Any?,
) {
    val thrown =
        try {
            work()
            null
        } catch (error: CaseplanException) {
            error
        }
    assertNotNull(thrown, "nothing was thrown, not: ${expected.text}")
    assertEquals(expected.javaClass to expected.text, thrown.javaClass to thrown.text)
}

/** Closed until it is opened, once. Coroutines wait for an event, never for a time. */
class Gate {
    private val opened = CompletableDeferred<Unit>()

    val isOpen: Boolean get() = opened.isCompleted

    fun open() {
        opened.complete(Unit)
    }

    suspend fun await() = opened.await()
}

/** What happened, in order. May be written from any thread. */
class Journal {
    private val lines = mutableListOf<String>()

    val all: List<String> get() = synchronized(lines) { lines.toList() }

    fun write(line: String) {
        synchronized(lines) { lines.add(line) }
    }
}

/** An error whose text must not go anywhere. */
class NotAboutSecrets(
    text: String = "Léa Martin",
) : RuntimeException(text)

fun newId(): UUID = UUID.randomUUID()
