import Caseplan
import Testing

@Suite struct OpeningTests {
  @Test func theCoreSaysItsVersion() throws {
    #expect(try Store.coreVersion().split(separator: ".").count == 3)
  }
}
