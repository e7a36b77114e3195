package org.caseplan

import kotlinx.coroutines.flow.Flow

/**
 * This device and the domain that it belongs to. Devices of two domains do not accept each other's work: before its
 * first change, a new device joins another one's domain.
 *
 * @sample org.caseplan.Samples.identity
 */
public class Identity internal constructor(
    private val engine: Engine,
) {
    /** This device. */
    public suspend fun device(): DeviceId = engine.read { it.device() }

    /** The domain. */
    public suspend fun domain(): DomainId = engine.read { it.domain() }

    /** Every device whose certificate counts. */
    public suspend fun devices(): List<CertifiedDevice> = engine.read { it.devices() }

    /** Every device whose certificate counts, watched. */
    public fun watchDevices(): Flow<List<CertifiedDevice>> = engine.watch(Concerns(Topic.IDENTITY)) { it.devices() }

    /** This device's wish to be certified by another store. */
    public suspend fun requestCertificate(): ByteArray = engine.command { it.requestCertificate() }

    /**
     * Certifies the device of a request; answers what that device must adopt.
     *
     * @param level The highest sensitivity level that its worker may read.
     */
    public suspend fun certify(
        request: ByteArray,
        roles: List<Role>,
        level: Int = 1,
    ): ByteArray = engine.command { it.certify(request, roles, level.coerceIn(0, UByte.MAX_VALUE.toInt()).toUByte()) }

    /** Joins the domain of the store that certified this device. Whoever handed over the answer is believed. */
    public suspend fun adopt(answer: ByteArray): Unit = engine.command { it.adopt(answer) }
}
