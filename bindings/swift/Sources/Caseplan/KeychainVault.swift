// Secrets in the Keychain of Apple's platforms. This file is compiled only where Security is: not on Linux, where the
// rest of the package is built and tested. There it is type-checked against the names that Apple documents
// (`bindings/targets/check-keychain.sh`); it has not run with a Keychain.

#if canImport(Security)
  import CaseplanCore
  import Foundation
  import Security

  /// Keeps a store's secrets in the Keychain: on this device only, in no backup, and readable once the device has been
  /// unlocked after its start, so that a store can be opened in the background.
  public final class KeychainVault: KeyVault {
    private let service: String

    /// A vault for one store; a second store of the same app needs another `service`.
    public init(service: String = "org.caseplan.store") {
      self.service = service
    }

    public func load(name: String) throws -> Data? {
      var query = item(name)
      query[kSecReturnData] = true
      query[kSecMatchLimit] = kSecMatchLimitOne
      var found: CFTypeRef?
      let status = SecItemCopyMatching(query as CFDictionary, &found)
      if status == errSecItemNotFound { return nil }
      try Self.check(status)
      return found as? Data
    }

    public func store(name: String, secret: Data) throws {
      let value: [CFString: Any] = [
        kSecValueData: secret,
        kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
      ]
      var status = SecItemUpdate(item(name) as CFDictionary, value as CFDictionary)
      if status == errSecItemNotFound {
        status = SecItemAdd(item(name).merging(value) { $1 } as CFDictionary, nil)
      }
      try Self.check(status)
    }

    public func delete(name: String) throws {
      let status = SecItemDelete(item(name) as CFDictionary)
      if status != errSecItemNotFound { try Self.check(status) }
    }

    private func item(_ name: String) -> [CFString: Any] {
      [
        kSecClass: kSecClassGenericPassword,
        kSecAttrService: service,
        kSecAttrAccount: name,
        kSecUseDataProtectionKeychain: true,
      ]
    }

    private static func check(_ status: OSStatus) throws {
      guard status == errSecSuccess else { throw CallbackError.Failed(reason: "keychain \(status)") }
    }
  }
#endif
