import Foundation
import Testing

@testable import berth_bench

struct ReportTests {
    private let report = BenchmarkReport(
        name: "sample",
        results: [
            Measurement(
                metric: "read", value: 950, unit: "rows/s", baseline: 1_000, ratio: 0.95, target: .ratio(atLeast: 0.95)),
            Measurement(metric: "lag", value: 12.5, unit: "ms", target: .value(atMost: 10)),
            Measurement(metric: "note", value: 1, unit: "x"),
        ])

    @Test func aTargetIsMetAtItsLimit() {
        #expect(report.results.map(\.isMet) == [true, false, nil])
        #expect(Target.ratio(atMost: 3).isMet(value: 9, ratio: 3))
        #expect(!Target.ratio(atMost: 3).isMet(value: 0, ratio: 3.01))
        #expect(!Target.ratio(atLeast: 0.5).isMet(value: 9, ratio: nil))
        #expect(!Target.ratio(atMost: 3).isMet(value: 0, ratio: .nan))
    }

    /// The shape that programs read.
    @Test func theJSONHasEveryMember() throws {
        #expect(
            try report.json == #"{"name":"sample","results":["#
                + #"{"baseline":1000,"met":true,"metric":"read","ratio":0.95,"target":"ratio ≥ 0.95","unit":"rows/s","value":950},"#
                + #"{"baseline":null,"met":false,"metric":"lag","ratio":null,"target":"value ≤ 10","unit":"ms","value":12.5},"#
                + #"{"baseline":null,"met":null,"metric":"note","ratio":null,"target":null,"unit":"x","value":1}]}"#)
    }

    @Test func theTableIsAligned() {
        #expect(
            report.table == """
                metric  value  baseline  unit    ratio  target
                read      950     1,000  rows/s   0.95  ratio ≥ 0.95  met
                lag      12.5            ms             value ≤ 10    MISSED
                note        1            x

                """)
    }

    @Test(arguments: [
        (0.954, "0.95"), (3, "3"), (12.34, "12.3"), (999, "999"), (1_234, "1,230"), (84_211, "84,200"), (1_999_999, "2,000,000"),
        (0, "0"), (.infinity, "–"),
    ])
    func numbersHaveThreeDigits(_ value: Double, _ text: String) { #expect(ReportNumber.short(value) == text) }
}
