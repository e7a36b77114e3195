package org.caseplan

/**
 * The error as text, for a log and for whoever looks at it: ids and codes, never case content.
 *
 * What an app shows is the app's own, in its user's language; `docs/errors.md` says what each error asks of it.
 */
public val CaseplanException.text: String
    get() =
        when (this) {
            is CaseplanException.NotFound -> "no $kind $id"
            is CaseplanException.NotYetHere -> "$kind $id is not here yet"
            is CaseplanException.RuleBroken -> "rule $rule forbids it" + about(subject, data)
            is CaseplanException.Invalid -> "$field is invalid: $reason"
            is CaseplanException.Incomplete -> "draft $draft lacks ${missing.joinToString()}"
            is CaseplanException.FieldInConflict -> "the field is in conflict $conflict"
            is CaseplanException.ConflictChanged -> "the conflict has changed: $conflict"
            is CaseplanException.DraftChanged ->
                "draft $draft has changed: it is at revision $revision, and the stale text is kept as $keptAs"
            is CaseplanException.CaseClosed -> "the case is closed"
            is CaseplanException.ReferenceTaken -> "another case has this reference: $caseId"
            is CaseplanException.DocumentFull -> "document $document is full"
            is CaseplanException.Closed -> "the store is closed"
            is CaseplanException.Suspended -> "the store is suspended"
            is CaseplanException.KeysLost -> "the store is read-only: its keys are lost"
            is CaseplanException.WrongWorker -> "the store belongs to another worker"
            is CaseplanException.WrongVault -> "the vault belongs to another store"
            is CaseplanException.Vault -> "the key vault failed: $reason"
            is CaseplanException.DiskFull -> "the disk is full"
            is CaseplanException.NotWritable -> "the database cannot be written"
            is CaseplanException.CannotOpen -> "the file cannot be opened"
            is CaseplanException.NotADatabase -> "not a caseplan database"
            is CaseplanException.NewerSchema -> "the database has version $found, and this version knows $known"
            is CaseplanException.Damaged -> "the database is damaged: $what"
            is CaseplanException.InUse -> "another process has the store open"
            is CaseplanException.NotCertified -> "not certified: $reason"
            is CaseplanException.NotGranted -> "no grant for this in case $caseId"
            is CaseplanException.NotAnExport -> "not an export for this store: $reason"
            is CaseplanException.NotEnrolled -> "not enrolled: $reason" + (triesLeft?.let { ", $it tries left" } ?: "")
            is CaseplanException.SyncFailed -> "sync ended early: $reason"
            is CaseplanException.NotHandedOver -> "not handed over: $reason"
            is CaseplanException.NetworkFailed -> "no network: $reason"
            is CaseplanException.Canceled -> "canceled"
            is CaseplanException.Unexpected -> "unexpected: $reason"
        }

private fun about(
    subject: List<String>,
    data: Map<String, String>,
): String {
    val all = subject + data.toSortedMap().map { (name, figure) -> "$name=$figure" }
    return if (all.isEmpty()) "" else all.joinToString(prefix = ": ")
}
