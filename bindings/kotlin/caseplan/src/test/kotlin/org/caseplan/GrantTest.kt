package org.caseplan

import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Grants, ended devices and a lost root, as an app meets them. */
class GrantTest {
    private val tom = NewParticipant(NewPerson("Tom"), ParticipantRole.Sibling)

    @Test
    fun `a colleague writes once granted and no more once taken back`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            val family = Family.of(phone.store)
            val grant = phone.store.grants.give(family.lea.id, NewGrant.colleague(WorkerId("w-204")))
            phone.hand(tablet)
            tablet.store.cases.addParticipant(family.lea.id, tom)
            assertEquals(emptyList(), tablet.hand(phone).quarantined)
            phone.store.grants.takeBack(family.lea.id, listOf(grant.id))
            phone.hand(tablet)
            expect(CaseplanException.NotGranted(family.lea.id)) { tablet.store.cases.addParticipant(family.lea.id, tom) }
            assertEquals(listOf(family.lea.id to 0U), tablet.store.grants.takenBack().map { it.case to it.drafts })
            assertEquals(emptyList(), phone.store.grants.takenBack())
            assertIs<GrantState.TakenBack>(
                phone.store.grants
                    .list(family.lea.id)
                    .first { it.id == grant.id }
                    .state,
            )
        }

    @Test
    fun `what an ended device still had waits for a person`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            val family = Family.of(phone.store)
            phone.meet(tablet)
            tablet.store.cases.addParticipant(family.lea.id, tom)
            val device = tablet.store.identity.device()
            phone.store.identity.endDevice(device, EndReason.Lost)
            assertEquals(listOf<Refusal>(Refusal.AuthorEnded), tablet.hand(phone).quarantined.map { it.reason })
            val waiting = phone.store.grants.waiting()
            assertEquals(listOf(device), waiting.map { it.device })
            assertTrue(waiting.first().canBeAdmitted)
            assertFalse(waiting.first().awaited)
            assertEquals(1UL, phone.store.grants.admit(family.lea.id, device))
            assertEquals(emptyList(), phone.store.grants.waiting())
            val ended = phone.store.identity.devices().first { it.device == device }
            assertEquals<EndReason?>(EndReason.Lost, ended.ended)
        }

    @Test
    fun `a lost root comes back by its words`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            val words = assertNotNull(phone.store.identity.recoveryWords())
            assertEquals(24 to 32, words.split(" ").size to phone.store.identity.recoveryBytes()?.size)
            phone.store.identity.confirmRecoveryShown()
            assertNull(phone.store.identity.recoveryWords())
            expect(CaseplanException.Invalid("words", "format")) { tablet.store.identity.recoverRoot("no such words") }
            tablet.store.identity.recoverRoot(words)
            val newcomer = tablet.enrol("w-300")
            assertEquals(Standing.CURRENT, newcomer.store.identity.standing())
            assertNotEquals(words, tablet.store.identity.recoveryWords())
        }
}
