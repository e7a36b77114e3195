package org.caseplan

import java.time.DateTimeException
import java.time.ZoneId

/**
 * A time zone by its name in the IANA database.
 *
 * It keeps the name and not a [ZoneId]: a colleague's newer device may send a zone that this one has not heard of, and
 * such a plan must stay readable and keep its zone.
 */
@JvmInline
public value class Zone(
    /** The name in the IANA database. */
    public val name: String,
) {
    /** The name of [zone]. */
    public constructor(zone: ZoneId) : this(zone.id)

    /** This zone's rules, or null when this device has none under the name. */
    public fun toZoneIdOrNull(): ZoneId? =
        try {
            ZoneId.of(name)
        } catch (_: DateTimeException) {
            null
        }

    override fun toString(): String = name
}
