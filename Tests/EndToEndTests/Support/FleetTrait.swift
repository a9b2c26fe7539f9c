import BerthTestKit
import Testing

/// One fleet for all tests of a suite: started before the first, stopped after the last, whatever became of them.
struct FleetTrait: SuiteTrait, TestScoping {
    @TaskLocal fileprivate static var current: TestFleet?
    let options: @Sendable () async throws -> FleetOptions

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let fleet = try await TestFleet.start(try await options())
        do { try await Self.$current.withValue(fleet) { try await function() } } catch {
            await fleet.stop()
            throw error
        }
        await fleet.stop()
    }
}

extension Trait where Self == FleetTrait {
    /// The tests of this suite share a fleet, found with `TestFleet.ofThisSuite()`.
    static func fleet(_ change: @escaping @Sendable (inout FleetOptions) -> Void = { _ in }) -> FleetTrait {
        FleetTrait {
            var options = FleetOptions()
            change(&options)
            return options
        }
    }
}

extension TestFleet {
    struct NoFleet: Error {}

    static func ofThisSuite() throws -> TestFleet {
        guard let fleet = FleetTrait.current else { throw NoFleet() }
        return fleet
    }
}
