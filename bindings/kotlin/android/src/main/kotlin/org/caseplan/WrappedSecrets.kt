package org.caseplan

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.UnrecoverableKeyException
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/** The key that wraps secrets; it never leaves wherever it lives. */
internal interface WrappingKey {
    fun find(): SecretKey?

    fun make(): SecretKey
}

/**
 * Secrets in files of one folder, each encrypted with AES-GCM and bound to its name.
 *
 * A file holds the length of the initialisation vector (one byte), the vector, and the ciphertext with its tag.
 * This knows nothing of Android, and is tested on the JVM with a key of its own.
 */
internal class WrappedSecrets(
    private val folder: File,
    private val key: WrappingKey,
) {
    /** Null too when the wrapping key is lost, or the file is not what it wrote: the secret cannot come back. */
    @Synchronized
    fun load(name: String): ByteArray? =
        failing {
            val file = file(name)
            if (!file.exists()) return null
            val bytes = file.readBytes()
            val length = bytes.firstOrNull()?.toInt() ?: return null
            if (length !in 1 until bytes.size) return null
            try {
                val cipher = Cipher.getInstance(TRANSFORMATION)
                cipher.init(Cipher.DECRYPT_MODE, usableKey() ?: return null, GCMParameterSpec(TAG_BITS, bytes, 1, length))
                cipher.updateAAD(name.toByteArray())
                cipher.doFinal(bytes, 1 + length, bytes.size - 1 - length)
            } catch (_: AEADBadTagException) {
                null
            }
        }

    /** Null where there is none, and where the platform has one that it cannot read any more: another takes its place. */
    private fun usableKey(): SecretKey? =
        try {
            key.find()
        } catch (_: UnrecoverableKeyException) {
            null
        }

    @Synchronized
    fun store(
        name: String,
        secret: ByteArray,
    ): Unit =
        failing {
            val cipher = Cipher.getInstance(TRANSFORMATION)
            cipher.init(Cipher.ENCRYPT_MODE, usableKey() ?: key.make())
            cipher.updateAAD(name.toByteArray())
            val wrapped = byteArrayOf(cipher.iv.size.toByte()) + cipher.iv + cipher.doFinal(secret)
            folder.mkdirs()
            val beside = File(folder, "${file(name).name}.partial")
            FileOutputStream(beside).use {
                it.write(wrapped)
                it.fd.sync()
            }
            // In one step, and in place of what was there: files are renamed so on Android.
            if (!beside.renameTo(file(name))) throw IOException()
        }

    @Synchronized
    fun delete(name: String) {
        failing { if (file(name).run { exists() && !delete() }) throw IOException() }
    }

    /** A name may hold anything; a file's name may not. */
    private fun file(name: String) = File(folder, name.toByteArray().joinToString("") { "%02x".format(it) })

    /** What the platform throws goes on as a class: its text may name files. */
    private inline fun <T> failing(work: () -> T): T =
        try {
            work()
        } catch (error: GeneralSecurityException) {
            throw CallbackException.Failed("keystore ${error.javaClass.simpleName}")
        } catch (error: IOException) {
            throw CallbackException.Failed("file ${error.javaClass.simpleName}")
        }

    private companion object {
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val TAG_BITS = 128
    }
}
