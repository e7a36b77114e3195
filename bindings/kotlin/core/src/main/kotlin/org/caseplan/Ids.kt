package org.caseplan

import java.util.UUID

/** Names a case. */
@JvmInline
public value class CaseId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): CaseId = CaseId(UUID.fromString(text))
    }
}

/** Names a person taking part in a case. */
@JvmInline
public value class ParticipantId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): ParticipantId = ParticipantId(UUID.fromString(text))
    }
}

/** Names a visitation plan. */
@JvmInline
public value class VisitationPlanId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): VisitationPlanId = VisitationPlanId(UUID.fromString(text))
    }
}

/** Names somebody's place in a visitation plan. */
@JvmInline
public value class PartyId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): PartyId = PartyId(UUID.fromString(text))
    }
}

/** Names one schedule of a visitation plan. */
@JvmInline
public value class ScheduleId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): ScheduleId = ScheduleId(UUID.fromString(text))
    }
}

/** Names a recorded contact. */
@JvmInline
public value class ContactId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): ContactId = ContactId(UUID.fromString(text))
    }
}

/** Names an addendum to a contact. */
@JvmInline
public value class AddendumId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): AddendumId = AddendumId(UUID.fromString(text))
    }
}

/** Names a draft of a contact on this device. */
@JvmInline
public value class DraftId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): DraftId = DraftId(UUID.fromString(text))
    }
}

/** Names a device. */
@JvmInline
public value class DeviceId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): DeviceId = DeviceId(UUID.fromString(text))
    }
}

/** Names the domain that devices belong to. */
@JvmInline
public value class DomainId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): DomainId = DomainId(UUID.fromString(text))
    }
}

/** Names a document of the store. */
@JvmInline
public value class DocumentId(
    /** The id as the platform has it. */
    public val value: UUID,
) {
    override fun toString(): String = value.toString()

    /** Reads ids. */
    public companion object {
        /** Reads an id as [toString] writes it; throws [IllegalArgumentException] when it is none. */
        public fun parse(text: String): DocumentId = DocumentId(UUID.fromString(text))
    }
}

/** Names a worker as the agency does. */
@JvmInline
public value class WorkerId(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}

/** Names a field in conflict together with the values that were seen. */
@JvmInline
public value class ConflictId(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}

/** Names one value of a field in conflict. */
@JvmInline
public value class ConflictValueId(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}

/** Names an issue; the same on every device. */
@JvmInline
public value class IssueId(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}

/** Names a change, and with others a version. */
@JvmInline
public value class ChangeHash(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}

/** Names a grant. */
@JvmInline
public value class GrantId(
    /** The id as text. */
    public val value: String,
) {
    override fun toString(): String = value
}
