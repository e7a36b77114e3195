package org.caseplan

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.File
import java.security.KeyStore
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey

/**
 * Keeps a store's secrets on this device only: wrapped by a key of the Android Keystore, in files that no backup takes.
 *
 * The key never leaves the Keystore and needs no unlocked screen, so that a store can be opened in the background. If
 * the system has lost it, the secrets are lost: the store then opens read-only and keeps drafts, see [Info.keysLost].
 *
 * @param name Names the vault; a second store of the same app needs another.
 */
public class AndroidKeyVault(
    context: Context,
    name: String = "caseplan",
) : KeyVault {
    private val wrapped = WrappedSecrets(File(context.noBackupFilesDir, "$name.keys"), KeystoreKey("org.caseplan.$name"))

    override fun load(name: String): ByteArray? = wrapped.load(name)

    override fun store(
        name: String,
        secret: ByteArray,
    ): Unit = wrapped.store(name, secret)

    override fun delete(name: String): Unit = wrapped.delete(name)
}

/** An AES key of the Android Keystore. */
private class KeystoreKey(
    private val alias: String,
) : WrappingKey {
    override fun find(): SecretKey? = KeyStore.getInstance(STORE).apply { load(null) }.getKey(alias, null) as SecretKey?

    override fun make(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec =
            KeyGenParameterSpec
                .Builder(alias, purposes)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .setKeySize(256)
                .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, STORE).apply { init(spec) }.generateKey()
    }

    private companion object {
        const val STORE = "AndroidKeyStore"
    }
}
