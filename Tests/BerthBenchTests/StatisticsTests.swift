import Testing

@testable import berth_bench

struct StatisticsTests {
    @Test func theMedianIsTheMiddle() {
        #expect(Statistics.median([]) == 0)
        #expect(Statistics.median([3]) == 3)
        #expect(Statistics.median([9, 1, 5]) == 5)
        #expect(Statistics.median([4, 1, 3, 2]) == 2.5)
    }

    @Test func percentilesLieBetweenNeighbours() {
        let values = [10.0, 20, 30, 40, 50]
        #expect(Statistics.percentile(values, 0) == 10)
        #expect(Statistics.percentile(values, 1) == 50)
        #expect(Statistics.percentile(values, 0.99) == 49.6)
    }
}
