package org.caseplan

import kotlinx.coroutines.runBlocking
import java.io.File

/**
 * A process that records contacts until it is killed, and says each time that a call has returned.
 *
 * Arguments: the folder and the case. Lines: `draft ID TEXT` for a saved draft that stays one, `contact ID TEXT`
 * for a completed one.
 */
fun main(arguments: Array<String>) =
    runBlocking {
        val folder = File(arguments[0])
        val caseId = CaseId.parse(arguments[1])
        val store = Store.open(StoreConfig(File(folder, "caseplan.db"), WorkerId("w-117"), paris), File(folder, "keys"))
        var number = 0
        while (true) {
            val text = "${ProcessHandle.current().pid()}-${number++}"
            val draft =
                store.contacts.startDraft(caseId, ContactKind.Collateral).copy(
                    narrative = text,
                    outcome = Outcome(OutcomeCode.Attempted, reason = OutcomeReason.Other),
                )
            store.contacts.saveDraft(draft)
            if (number % 3 == 0) {
                acknowledge("draft ${draft.id} $text")
            } else {
                acknowledge("contact ${store.contacts.complete(draft.id).id} $text")
            }
        }
    }

/** One write, so that a kill cuts a line at most. */
private fun acknowledge(line: String) {
    System.out.write("$line\n".toByteArray())
    System.out.flush()
}
