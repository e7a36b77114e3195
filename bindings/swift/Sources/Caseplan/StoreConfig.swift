// What a store is opened with.

import CaseplanCore
import CaseplanTypes
import Foundation

/// What a store is opened with: where it lives, whose it is, and where its day begins.
public struct StoreConfig: Hashable, Sendable {
  /// The database file; its folder must exist. On iOS set `isExcludedFromBackup` on that folder: a backup would hold what
  /// was taken back since, and a copy that comes back is an older one, which its peers must bring up to date.
  public var file: URL
  /// Whose store it is: one device and one worker, for ever.
  public var worker: WorkerId
  /// The zone in which the worker's day begins and ends.
  public var zone: Zone

  /// Configures a store in `file`. `timeZone` must have a name in the IANA database, as every zone that people live in
  /// has; one of a fixed offset is refused by ``Store/open(_:keyVault:clock:log:)``.
  public init(file: URL, worker: WorkerId, timeZone: TimeZone = .current) {
    self.init(file: file, worker: worker, zone: Zone(timeZone))
  }

  /// Configures a store in `file`, with a zone by its name.
  public init(file: URL, worker: WorkerId, zone: Zone) {
    self.file = file
    self.worker = worker
    self.zone = zone
  }

  var core: CoreStoreConfig {
    CoreStoreConfig(file: file.path, worker: worker, zone: zone)
  }
}
