import Metrics
import ObjectStores
import Synchronization
import Telemetry
import Testing

@Suite struct RetryingStoreTests {
    /// Time that passes only by sleeping.
    private final class FakeTime: Sendable {
        private let state = Mutex<(now: Duration, sleeps: [Duration])>((.zero, []))
        var sleeps: [Duration] { state.withLock { $0.sleeps } }
        func pass(_ duration: Duration) { state.withLock { $0.now += duration } }

        func timing(random: Double) -> RetryTiming {
            RetryTiming(
                now: { self.state.withLock { $0.now } },
                sleep: { duration in
                    try Task.checkCancellation()
                    self.state.withLock { $0.sleeps.append(duration) }
                    self.pass(duration)
                },
                random: { random })
        }
    }

    private let time = FakeTime()
    private let registry = PrometheusRegistry()

    private func retrying(
        _ store: any ObjectStore, random: Double = 0.5, _ change: (inout RequestBudget) -> Void = { _ in }
    ) -> RetryingStore {
        var budget = RequestBudget()
        change(&budget)
        return RetryingStore(store, budget: budget, timing: time.timing(random: random), metrics: registry)
    }

    @Test func repeatsWithGrowingJitteredDelays() async throws {
        let faulty = FaultyStore(Array(repeating: .before(FaultyStore.lost), count: 4))
        try await retrying(faulty) { $0.maximumDelay = .milliseconds(300) }.put("x", bytes: [1], condition: .none)
        #expect(faulty.requests == 5)
        #expect(time.sleeps == [.milliseconds(50), .milliseconds(100), .milliseconds(150), .milliseconds(150)])
    }

    @Test func givesUpAfterItsAttempts() async throws {
        let faulty = FaultyStore(Array(repeating: .before(FaultyStore.lost), count: 9))
        await #expect(throws: FaultyStore.lost) { try await retrying(faulty) { $0.attempts = 3 }.get("x") }
        #expect(faulty.requests == 3)
    }

    @Test(arguments: [
        ObjectStoreError.notFound(name: "x"), .preconditionFailed(name: "x"), .denied(reason: "no"), .invalid(reason: "no"),
        .unavailable(reason: "no bucket", retryable: false),
    ])
    func doesNotRepeatWhatWasAnswered(_ error: ObjectStoreError) async throws {
        let faulty = FaultyStore([.before(error)])
        await #expect(throws: error) { try await retrying(faulty).put("x", bytes: [], condition: .createOnly) }
        #expect(faulty.requests == 1)
    }

    @Test func repeatsATruncatedRead() async throws {
        let faulty = FaultyStore([nil, .after(.truncated(name: "x", expected: 2, received: 1))])
        let store = retrying(faulty)
        try await store.put("x", bytes: [1, 2], condition: .none)
        #expect(try await store.get("x") == [1, 2])
    }

    @Test func aCreationWhoseAnswerWasLostSucceeds() async throws {
        let faulty = FaultyStore([.after(FaultyStore.lost)])
        let version = try await retrying(faulty).put("x", bytes: [1, 2], condition: .createOnly)
        #expect(try await faulty.inner.head("x")?.version == version)
        #expect(try await faulty.inner.get("x") == [1, 2])
    }

    @Test func aCreationThatFailedAndLostToAnotherFails() async throws {
        let faulty = FaultyStore([.before(FaultyStore.lost)])
        try await faulty.inner.put("x", bytes: [9], condition: .none)
        await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
            try await retrying(faulty).put("x", bytes: [1], condition: .createOnly)
        }
        #expect(try await faulty.inner.get("x") == [9])
    }

    @Test func withoutDoubtAnEqualObjectIsNotOurs() async throws {
        let faulty = FaultyStore([])
        try await faulty.inner.put("x", bytes: [1], condition: .none)
        await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
            try await retrying(faulty).put("x", bytes: [1], condition: .createOnly)
        }
    }

    @Test func aReplacementWhoseAnswerWasLostSucceeds() async throws {
        let faulty = FaultyStore([nil, .after(FaultyStore.lost)])
        let store = retrying(faulty)
        let first = try await store.put("x", bytes: [1], condition: .none)
        let second = try await store.put("x", bytes: [2], condition: .ifMatch(first))
        try await store.put("x", bytes: [3], condition: .ifMatch(second))
        #expect(try await faulty.inner.get("x") == [3])
    }

    @Test func anOpenCircuitMakesNoRequests() async throws {
        let faulty = FaultyStore(Array(repeating: .before(FaultyStore.lost), count: 5))
        let store = retrying(faulty) {
            $0.attempts = 1
            $0.circuitFailureThreshold = 3
            $0.circuitOpenDuration = .seconds(10)
        }
        for _ in 0..<7 { await #expect(throws: ObjectStoreError.self) { try await store.get("x") } }
        #expect(faulty.requests == 3)
        #expect(registry.renderText().contains("berth_object_store_circuit_open 1\n"))

        time.pass(.seconds(10))
        for _ in 0..<3 { await #expect(throws: ObjectStoreError.self) { try await store.get("x") } }
        #expect(faulty.requests == 4)

        for _ in 0..<2 {
            time.pass(.seconds(10))
            _ = try? await store.head("x")
        }
        #expect(try await store.head("x") == nil)
        #expect(faulty.requests == 7)
        #expect(registry.renderText().contains("berth_object_store_circuit_open 0\n"))
    }

    @Test func anObjectThatIsMissingOrShortDoesNotOpenTheCircuit() async throws {
        let faulty = FaultyStore([])
        try await faulty.inner.put("short", bytes: [1], condition: .none)
        let store = retrying(faulty) {
            $0.attempts = 2
            $0.circuitFailureThreshold = 2
        }
        for _ in 0..<3 {
            await #expect(throws: ObjectStoreError.notFound(name: "x")) { try await store.get("x") }
            await #expect(throws: ObjectStoreError.truncated(name: "short", expected: 9, received: 1)) {
                try await store.get("short", range: 0..<9)
            }
        }
        #expect(try await store.get("short") == [1])
    }

    @Test func countsEveryAttempt() async throws {
        let faulty = FaultyStore([.before(FaultyStore.lost)])
        let store = retrying(faulty)
        try await store.put("x", bytes: [1], condition: .createOnly)
        await #expect(throws: ObjectStoreError.notFound(name: "y")) { try await store.get("y") }
        let text = registry.renderText()
        for line in [
            "berth_object_store_requests_total{operation=\"put\",result=\"unavailable\"} 1\n",
            "berth_object_store_requests_total{operation=\"put\",result=\"ok\"} 1\n",
            "berth_object_store_requests_total{operation=\"get\",result=\"not_found\"} 1\n",
            "berth_object_store_request_seconds_count{operation=\"put\"} 2\n",
            "berth_object_store_circuit_open 0\n",
        ] { #expect(text.contains(line), "\(line)") }
    }

    @Test func neverMakesMoreRequestsAtOnceThanTheBudgetAllows() async throws {
        let gauge = ConcurrencyGauge()
        let store = retrying(gauge) { $0.concurrentRequests = 3 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await store.head("x") } }
            try await group.waitForAll()
        }
        #expect(gauge.highest == 3)
    }

    @Test func aCancelledCallLeavesTheLineAndItsSlot() async throws {
        let gate = GatedStore()
        let store = retrying(gate) { $0.concurrentRequests = 1 }
        let holder = Task { try await store.head("x") }
        await gate.waitUntilAsked()
        let waiter = Task { try await store.head("x") }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        gate.open()
        #expect(try await holder.value == nil)
        // The slot is free again.
        #expect(try await store.head("x") == nil)
    }
}
