package org.caseplan

import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel

/**
 * Wakes the flows that a commit could concern.
 *
 * The core calls it on its own thread, after each commit, local or imported. It neither blocks nor calls back: it
 * leaves each flow a mark, and a flow that is marked twice before it is read again reads once.
 */
internal class ChangeHub : ChangeListener {
    private val entries = mutableMapOf<Channel<Unit>, Concerns>()
    private var ended = false

    /** How many flows are being read. */
    val size: Int get() = synchronized(entries) { entries.size }

    override fun onChange(changes: ChangeSet) = mark { it.match(changes) }

    /** Marks every flow: after a suspension, or when everything was made anew. */
    fun markAll() = mark { true }

    /** Marks the flows that tell what only this device has. */
    fun markOnlyHere() = mark { it.onlyHere }

    /** Ends every flow, and those that are still to come. */
    fun end() {
        val all =
            synchronized(entries) {
                ended = true
                entries.keys.toList().also { entries.clear() }
            }
        all.forEach { it.close() }
    }

    /** The marks of one flow; the first is there from the beginning. */
    fun subscribe(concerns: Concerns): ReceiveChannel<Unit> {
        val marks = Channel<Unit>(Channel.CONFLATED)
        marks.trySend(Unit)
        val late =
            synchronized(entries) {
                if (!ended) entries[marks] = concerns
                ended
            }
        if (late) marks.close()
        return marks
    }

    fun leave(marks: ReceiveChannel<Unit>) {
        synchronized(entries) { entries.remove(marks) }
    }

    private fun mark(concerned: (Concerns) -> Boolean) {
        val marked = synchronized(entries) { entries.filterValues(concerned).keys }
        marked.forEach { it.trySend(Unit) }
    }
}

/** What a flow's answer depends on. */
internal class Concerns(
    private val topics: Set<Topic>,
    /** The only case that matters; null when any does. */
    private val caseId: CaseId? = null,
    /** Whether it tells what only this device has, which an exchange changes without any commit. */
    val onlyHere: Boolean = false,
) {
    constructor(vararg topics: Topic, caseId: CaseId? = null) : this(topics.toSet(), caseId)

    fun match(changes: ChangeSet): Boolean {
        val common = topics.intersect(changes.topics.toSet())
        if (caseId == null || common.isEmpty()) return common.isNotEmpty()
        // These two are about no single case, and may come together with what is about one.
        val ofNoCase = Topic.IDENTITY in common || Topic.TODAY in common
        return ofNoCase || changes.cases.isEmpty() || caseId in changes.cases
    }

    companion object {
        /** Everything that lists and screens are made of, names and the turn of the day included. */
        fun everything(
            caseId: CaseId? = null,
            onlyHere: Boolean = false,
        ) = Concerns(Topic.entries.toSet(), caseId, onlyHere)
    }
}
