import Foundation

extension FuzzTarget {
    /// One input that broke what must hold.
    public struct Finding: Sendable, Hashable, CustomStringConvertible {
        public let target: String
        public let input: [UInt8]
        public let problem: String

        public var description: String {
            let hex = input.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "\(target): \(problem); the input in hexadecimal: \(hex)"
        }
    }

    /// Inputs per target in the tests: the environment's `BERTH_FUZZ_ROUNDS`, otherwise 2,000.
    public static var standardRounds: Int {
        ProcessInfo.processInfo.environment["BERTH_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 2_000
    }

    /// No input may take longer than this, and as much again for every mebibyte. Generous, because the machine may be busy.
    private static let longestTime = Duration.seconds(5)
    /// Longer inputs are tried and forgotten: they cost time and show little that is new.
    private static let longestKept = 2_048
    /// No run may make the process grow by more than this, in bytes.
    private static let largestGrowth = 512 << 20

    /// Checks the seeds, then mutations of them and of what was accepted so far.
    ///
    /// - Returns: at most a few findings, because one fault shows in many inputs.
    public func run(rounds: Int = standardRounds, seed: UInt64 = 1) -> [Finding] {
        var generator = SeededGenerator(seed: seed)
        var findings: [Finding] = []
        let memory = Self.largestResidentSize()
        for input in seeds {
            if verdict(on: input, &findings) == .refused { findings.append(finding(input, "a good input is refused")) }
        }
        var pool = seeds.isEmpty ? [[]] : seeds
        let mutator = Mutator(words: words)
        for _ in 0..<max(1, rounds / cost) where findings.count < 3 {
            var input = mutator.mutated(pool, using: &generator)
            if let reseal, Bool.random(using: &generator) { reseal(&input) }
            guard verdict(on: input, &findings) == .accepted, input.count <= Self.longestKept else { continue }
            // What is accepted and differs is a better start than the seeds alone.
            if pool.count < 200 { pool.append(input) } else { pool[Int.random(in: seeds.count..<200, using: &generator)] = input }
        }
        if Self.largestResidentSize() - memory > Self.largestGrowth {
            findings.append(finding([], "memory grew from \(memory) to \(Self.largestResidentSize()) bytes"))
        }
        return findings
    }

    private func verdict(on input: [UInt8], _ findings: inout [Finding]) -> Verdict? {
        let start = ContinuousClock.now
        do {
            let verdict = try check(input)
            let took = ContinuousClock.now - start
            if took > Self.longestTime * (1 + Double(input.count) / 1_048_576) {
                findings.append(finding(input, "it took \(took)"))
            }
            return verdict
        } catch {
            findings.append(finding(input, "\(error)"))
            return nil
        }
    }

    private func finding(_ input: [UInt8], _ problem: String) -> Finding {
        Finding(target: name, input: input, problem: problem)
    }

    private static func largestResidentSize() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
