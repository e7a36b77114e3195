package org.caseplan

import kotlinx.coroutines.flow.Flow
import java.time.Instant

/**
 * This device and the domain that it belongs to. Devices of two domains do not accept each other's work: a new
 * device joins another one's domain, and a store that was used alone brings its work along.
 *
 * A device joins over a connection: one that may certify invites it ([Sync.invite], or [Sync.inviteByCode]) and takes it in
 * ([Invitation.takeIn]), and the new one joins ([Sync.join]). Who began the domain may certify, and whom it made an issuer
 * ([makeIssuer] with [IssuerPower.ALL]). Where no connection can be had there is [requestCertificate].
 *
 * @sample org.caseplan.Samples.invite
 * @sample org.caseplan.Samples.join
 */
public class Identity internal constructor(
    private val engine: Engine,
) {
    /** This device. */
    public suspend fun device(): DeviceId = engine.read { it.device() }

    /** The domain. */
    public suspend fun domain(): DomainId = engine.read { it.domain() }

    /** How this device stands, for connections. */
    public suspend fun standing(): Standing = engine.read { it.standing() }

    /** Every device whose certificate counts, ended ones too. */
    public suspend fun devices(): List<CertifiedDevice> = engine.read { it.devices() }

    /** Every device whose certificate counts, watched. */
    public fun watchDevices(): Flow<List<CertifiedDevice>> = engine.watch(Concerns(Topic.IDENTITY)) { it.devices() }

    /**
     * This device's wish to be certified by another store, as bytes: [certify] there answers what is to [adopt] here.
     *
     * This is for exchange by bytes only: [Exchange], [Sync.handOver] and [Sync.takeOver]. A device that joined so has no
     * network secret, which goes through a channel only, so it has no sessions: [Sync.connect] throws
     * [CaseplanException.Unexpected] with the reason `network_secret`, [Sync.nearby] does once it finds somebody, and
     * [Sync.accept] knows everybody as a `stranger`. [Sync.invite] and [Sync.join] bring the secret, also to a device that
     * was certified so before.
     *
     * @sample org.caseplan.Samples.certify
     */
    public suspend fun requestCertificate(): ByteArray = engine.command { it.requestCertificate() }

    /**
     * Certifies the device of a request; answers what that device must adopt. It gets no network secret by that, and no
     * sessions: see [requestCertificate].
     *
     * @param level The highest sensitivity level that its worker may read.
     * @param notAfter Until when it is good for connections; for ever if nothing is said. Whoever may issue or renew makes it
     * longer by itself when the two meet after half of that time: a device is ended by [endDevice].
     * @throws CaseplanException.NotCertified
     */
    public suspend fun certify(
        request: ByteArray,
        roles: List<Role>,
        level: Int = 1,
        notAfter: Instant? = null,
    ): ByteArray = engine.command { it.certify(request, roles, byte(level), notAfter) }

    /**
     * Joins the domain of the store that certified this device, for exchange by bytes: see [requestCertificate]. Whoever
     * handed over the answer is believed.
     *
     * @throws CaseplanException.NotCertified
     */
    public suspend fun adopt(answer: ByteArray): Unit = engine.command { it.adopt(answer) }

    /**
     * Renews a device's certificate: the same keys, worker, roles and level, good until [notAfter], for ever if nothing is said. Who
     * may only renew must name a later time than before.
     *
     * @throws CaseplanException.NotCertified
     */
    public suspend fun renew(
        device: DeviceId,
        notAfter: Instant? = null,
    ): Unit = engine.command { it.renew(device, notAfter) }

    /**
     * Gives a device other roles and another level: it reads by these from then on. The worker's other devices keep theirs. What it
     * grants by a role that it once had, and signs under an earlier certificate, counts: only [endDevice] ends that.
     */
    public suspend fun changeRoles(
        device: DeviceId,
        roles: List<Role>,
        level: Int,
    ): Unit = engine.command { it.changeRoles(device, roles, byte(level)) }

    /** Lets a device certify others, or only renew, as a hub does. Only the root can. */
    public suspend fun makeIssuer(
        device: DeviceId,
        power: IssuerPower,
    ): Unit = engine.command { it.makeIssuer(device, power) }

    /** Ends a device, for ever. What this store holds of its work stays; what it still has will wait for a person. */
    public suspend fun endDevice(
        device: DeviceId,
        why: EndReason,
    ): Unit = engine.command { it.endDevice(device, why) }

    /** Ends a device's right to certify others. */
    public suspend fun endIssuer(
        device: DeviceId,
        why: EndReason,
    ): Unit = engine.command { it.endIssuer(device, why) }

    /** The 24 words that bring a lost root back, as long as nobody confirmed that they were shown. */
    public suspend fun recoveryWords(): String? = engine.read { it.recoveryWords() }

    /** The same secret as 32 bytes, for a QR code. */
    public suspend fun recoveryBytes(): ByteArray? = engine.read { it.recoveryBytes() }

    /** Confirms that the secret was shown and is kept elsewhere: it is deleted here. */
    public suspend fun confirmRecoveryShown(): Unit = engine.command { it.confirmRecoveryShown() }

    /**
     * Makes a new root on this device after the old one was lost. There are new words afterwards.
     *
     * What the old root signed counts as far as this device has heard of it: sync with everybody first, or a device that it
     * took in since must be taken in anew. A store whose keys were lost gets new ones with the roles that it had: it is
     * another device, and can be written in again.
     */
    public suspend fun recoverRoot(words: String): Unit = engine.command { it.recoverRoot(words) }

    /** Makes a new root on this device by the 32 bytes of a QR code. */
    public suspend fun recoverRoot(bytes: ByteArray): Unit = engine.command { it.recoverRootByBytes(bytes) }

    private fun byte(level: Int): UByte = level.coerceIn(0, UByte.MAX_VALUE.toInt()).toUByte()
}
