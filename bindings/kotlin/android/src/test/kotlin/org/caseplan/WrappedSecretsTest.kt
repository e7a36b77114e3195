package org.caseplan

import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.security.KeyStoreException
import java.security.UnrecoverableKeyException
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull

/** Wrapping and files, with a key of the JVM. The Android Keystore itself is compiled here and not run. */
class WrappedSecretsTest {
    @TempDir lateinit var folder: File
    private val key = JvmKey()
    private val secret = "not for anybody".toByteArray()

    private fun secrets() = WrappedSecrets(File(folder, "keys"), key)

    @Test
    fun `a secret comes back after a restart and is not in the file`() {
        assertNull(secrets().load("signing/1"))
        secrets().store("signing/1", "an older one".toByteArray())
        secrets().store("signing/1", secret)
        assertContentEquals(secret, secrets().load("signing/1"))
        assertNull(secrets().load("signing/2"))
        val file = File(folder, "keys").listFiles()!!.single()
        assertFalse(file.readBytes().toString(Charsets.ISO_8859_1).contains("anybody"))
        secrets().delete("signing/1")
        secrets().delete("signing/1")
        assertNull(secrets().load("signing/1"))
    }

    @Test
    fun `a secret under another name, a changed file or a cut one is lost, not wrong`() {
        secrets().store("a", secret)
        secrets().store("b", secret)
        val (a, b) = File(folder, "keys").listFiles()!!.sorted()
        val whole = a.readBytes()
        b.writeBytes(whole)
        assertNull(secrets().load("b"))
        for (at in whole.indices) {
            a.writeBytes(whole.copyOf().also { it[at] = (it[at] + 1).toByte() })
            val found = runCatching { secrets().load("a") }.getOrNull()
            assertNull(found, "byte $at")
        }
        for (length in whole.indices) {
            a.writeBytes(whole.copyOf(length))
            assertNull(runCatching { secrets().load("a") }.getOrNull(), "$length bytes")
        }
    }

    @Test
    fun `a lost key loses the secrets and a new one serves`() {
        secrets().store("a", secret)
        key.key = null
        assertNull(secrets().load("a"))
        secrets().store("b", secret)
        assertNull(secrets().load("a"))
        assertContentEquals(secret, secrets().load("b"))
    }

    @Test
    fun `a key that cannot be read any more is a lost one`() {
        secrets().store("a", secret)
        key.isUnreadable = true
        assertNull(secrets().load("a"))
        secrets().store("a", secret)
        assertContentEquals(secret, secrets().load("a"))
    }

    @Test
    fun `a keystore that fails says its class only`() {
        key.fails = true
        secrets().let { secrets ->
            val failed = assertFailsWith<CallbackException.Failed> { secrets.store("a", secret) }
            assertEquals("keystore KeyStoreException", failed.reason)
        }
    }

    private class JvmKey : WrappingKey {
        var key: SecretKey? = null
        var fails = false
        var isUnreadable = false

        override fun find(): SecretKey? {
            if (fails) throw KeyStoreException("/data/user/0")
            if (isUnreadable) throw UnrecoverableKeyException("/data/user/0")
            return key
        }

        override fun make(): SecretKey =
            KeyGenerator
                .getInstance("AES")
                .apply { init(256) }
                .generateKey()
                .also {
                    key = it
                    isUnreadable = false
                }
    }
}
