import Caseplan
import Testing

@Suite struct CoreInfoTests {
  @Test func theCoreSaysItsVersion() async throws {
    let version = try await CoreInfo().version()
    #expect(version.split(separator: ".").count == 3)
  }
}
