import BerthTestKit
import Testing

/// The simulation keeps its own promises: a seed is a schedule, and what is broken is found.
@Suite(.timeLimit(.minutes(5)))
struct SimulationTests {
    private func simulate(_ arguments: String...) async throws -> ProgramRun {
        try await ProgramRun.of([try BerthBinary.path(of: "berth-simulate")] + arguments, patience: .seconds(240))
    }

    @Test func everySeedReplaysItsScheduleAndKeepsEveryPromise() async throws {
        let run = try await simulate("--seed", "1", "--count", "12", "--seconds", "6", "--replay-every", "2")
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.standardOutput.contains("12 schedules"))
        #expect(run.standardOutput.contains("6 were run twice"))
        #expect(run.standardOutput.contains(" 0 lost"))
    }

    @Test func anotherSeedIsAnotherSchedule() async throws {
        let one = try await simulate("--seed", "1", "--seconds", "3", "--timeline")
        let other = try await simulate("--seed", "2", "--seconds", "3", "--timeline")
        #expect(one.exitCode == 0 && other.exitCode == 0)
        #expect(one.standardOutput != other.standardOutput)
        #expect(one.standardOutput.contains("everything is mended"))
        for work in ["append", "load", "transfer", "read", "read through a cursor"] {
            #expect((one.standardOutput + other.standardOutput).contains(": \(work)"), "\(work)")
        }
    }

    /// Rule 1: the margin covers the drift of clocks. With far more drift than that, a node goes on answering while others
    /// lead; the checker must see it.
    @Test func clocksThatDriftBeyondTheMarginAreCaught() async throws {
        let run = try await simulate(
            "--seed", "1", "--count", "400", "--until-broken", "--seconds", "10", "--clock-drift", "0.8", "--replay-every", "0",
            "--faults", "link-hold,link-cut,worker-pause,store-slow")
        #expect(run.exitCode == 1)
        // What it acknowledged meanwhile is also gone, without the death of a leader that would explain it, and what others wrote
        // after that is there.
        let signs = ["stale-read", "two-leaders", "local-write-lost-outside-allowance", "hole-in-history"]
        #expect(signs.contains { run.standardOutput.contains("BROKEN \($0)") }, "\(run)")
    }

    /// Rule 1: the TTL belongs to the session. Managers whose own sessions live a quarter as long watch those of nodes that are cut
    /// off or stand still.
    @Test func observersOfAnotherTTLGoByThatOfTheSession() async throws {
        let run = try await simulate(
            "--seed", "1", "--count", "12", "--seconds", "6", "--replay-every", "0", "--manager-ttl-ms", "500",
            "--faults", "link-hold,link-cut,worker-pause,store-slow")
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.standardOutput.contains(" 0 lost"))
    }

    @Test func whatCannotBeSimulatedIsRefused() async throws {
        let run = try await simulate("--faults", "meteorite")
        #expect(run.exitCode != 0)
        #expect(run.standardError.contains("“meteorite” is no fault"))
    }
}
