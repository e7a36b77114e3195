import Caseplan
import Foundation
import Testing

@Suite struct BoundaryTests {
  private func probe() throws -> BoundaryProbe {
    let day = try #require(Day("2026-03-07"))
    return BoundaryProbe(
      caseId: CaseId(value: UUID()),
      worker: "w-117",
      at: Date(timeIntervalSince1970: 1_772_888_400.123),
      day: day,
      wallTime: try #require(WallTime(day, hour: 14, minute: 0)),
      length: .seconds(7200),
      zone: "Europe/Zurich",
      days: [try #require(Day(year: 2024, month: 2, day: 29))],
      other: nil)
  }

  @Test func everyValueComesBackAsItWent() throws {
    var probe = try probe()
    #expect(try probeBoundary(probe: probe) == probe)
    probe.other = CaseId(value: UUID())
    probe.at = Date(timeIntervalSince1970: -1_230_768_000.5)
    probe.wallTime = try #require(WallTime("2026-03-07T14:00:01.000000500"))
    probe.length = .seconds(-90)
    probe.days = [try #require(Day("+12026-01-01")), try #require(Day("-0044-03-15"))]
    #expect(try probeBoundary(probe: probe) == probe)
  }

  @Test func theOutermostDaysOfTheCoreCanBeRead() throws {
    let days = try probeOutermostDays()
    #expect(days[0].year < -200_000 && days[1].year > 200_000)
  }

  @Test func aZoneThatThisDeviceDoesNotKnowKeepsItsName() throws {
    var probe = try probe()
    probe.zone = "Mars/Olympus"
    let zone = try probeBoundary(probe: probe).zone
    #expect(zone.name == "Mars/Olympus" && zone.timeZone == nil)
  }

  @Test func aValueOutOfTheCoresRangeIsATypedError() throws {
    var probe = try probe()
    let far = try #require(Day(year: 999_999, month: 1, day: 1))
    #expect(throws: CaseplanError.self) { try probeDay(day: far) }
    for seconds in [Double.infinity, -.infinity, .nan] {
      probe.at = Date(timeIntervalSince1970: seconds)
      #expect(throws: CaseplanError.self) { [probe] in try probeBoundary(probe: probe) }
    }
  }
}

@Suite struct TypesTests {
  @Test func onlyDaysThatExistAreMade() {
    #expect(Day("2026-02-29") == nil)
    #expect(Day(year: 2000, month: 2, day: 29) != nil)
    #expect(Day(year: 1900, month: 2, day: 29) == nil)
    for text in ["2026-3-7", "2026-+3-07", "+-2026-03-07", "", "2026-03", "２０２６-03-07"] { #expect(Day(text) == nil) }
    #expect(WallTime("2026-03-07T24:00:00") == nil)
  }

  @Test func aDayIsReadInAZone() throws {
    let date = Date(timeIntervalSince1970: 1_772_836_200)  // 2026-03-06 22:30 in UTC
    #expect(Day(date, in: try #require(TimeZone(identifier: "UTC"))).description == "2026-03-06")
    #expect(Day(date, in: try #require(TimeZone(identifier: "Europe/Athens"))).description == "2026-03-07")
  }

  @Test func daysAreInOrder() throws {
    let early = try #require(Day("2026-02-28"))
    let late = try #require(Day("2026-03-01"))
    #expect(early < late)
    #expect(Day(late.dateComponents) == late)
  }

  @Test func idsAreEncodedAsTheirText() throws {
    let id = CaseId(value: UUID())
    let json = try JSONEncoder().encode([id])
    #expect(String(decoding: json, as: UTF8.self) == "[\"\(id)\"]")
    #expect(try JSONDecoder().decode([CaseId].self, from: json) == [id])
  }
}
