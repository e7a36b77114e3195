package org.caseplan

import java.util.UUID

/** Names a case. */
@JvmInline
public value class CaseId(
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): CaseId = CaseId(UUID.fromString(text))
    }
}

/** Names a worker as the agency does. */
@JvmInline
public value class WorkerId(
    public val value: String,
) {
    override fun toString(): String = value
}
