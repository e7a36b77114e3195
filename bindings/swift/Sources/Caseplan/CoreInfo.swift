import CaseplanCore

/// What the native core says of itself.
public actor CoreInfo {
  private let executor = BlockingExecutor(label: "org.caseplan.info")

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  public init() {}

  /// Returns the core's version.
  public func version() throws -> String {
    try coreVersion()
  }
}
