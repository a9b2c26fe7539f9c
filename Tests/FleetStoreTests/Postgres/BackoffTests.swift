import Testing

@testable import FleetStore

struct ReconnectBackoffTests {
    @Test func waitsDoubleUpToTheirBoundAndStartOver() {
        var generator = Seeded(state: 1)
        var backoff = ReconnectBackoff(first: .milliseconds(100), longest: .seconds(5))
        var bound = Duration.milliseconds(100)
        for _ in 0..<200 {
            let wait = backoff.next(using: &generator)
            #expect(wait >= bound * 0.5 && wait <= bound)
            bound = min(bound * 2, .seconds(5))
        }
        backoff.succeeded()
        #expect(backoff.next(using: &generator) <= .milliseconds(100))
    }
}
