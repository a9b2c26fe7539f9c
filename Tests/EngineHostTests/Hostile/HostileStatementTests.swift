import Chaos
import FleetModel
import Foundation
import Testing

@testable import EngineHost

/// What hostile statements may do to the processes they run in: end one host, and nothing else.
@Suite(.serialized) struct HostileStatementTests {
    /// How many generated ones each engine gets, and from which seed; `ops/fuzz-sql` asks for more.
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["BERTH_HOSTILE_STATEMENTS"].flatMap { Int($0) }
    private static let seed = environment["BERTH_HOSTILE_SEED"].flatMap { UInt64($0) } ?? 1

    /// Each by a token that may only read, then by one that may write.
    @Test(arguments: EngineKind.allCases) func knownOnesHarmNobodyElse(_ engine: EngineKind) async throws {
        try await withHosts(.process, HostileRun.limits) { fixture in
            let run = try await HostileRun(fixture, engine)
            for statement in HostileStatement.known where statement.engine == engine {
                for isReadOnly in [true, false] { try await run.send(statement, isReadOnly: isReadOnly) }
            }
            // Some of them do what they are known for.
            #expect(run.hostsEnded > 0 && run.quarantined > 0)
            try await run.finish()
        }
    }

    @Test(arguments: EngineKind.allCases) func generatedOnesHarmNobodyElse(_ engine: EngineKind) async throws {
        try await withHosts(.process, HostileRun.limits) { fixture in
            let run = try await HostileRun(fixture, engine)
            var generator = HostileGenerator(engine, seed: Self.seed)
            for number in 0..<(Self.count ?? (engine == .sqlite ? 60 : 30)) {
                try await run.send(generator.next(), isReadOnly: number % 3 == 0)
            }
            try await run.finish()
        }
    }
}
