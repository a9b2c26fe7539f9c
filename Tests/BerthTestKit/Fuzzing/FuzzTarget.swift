/// A parser of bytes from outside, what is known to be good input for it, and what must hold whatever it is given.
///
/// The short form of fuzzing is a test in each suite (`FuzzTarget.run`); the long form, `ops/fuzz`, drives the same
/// targets with libFuzzer, which sees which inputs reach new code.
public struct FuzzTarget: Sendable, CustomStringConvertible {
    /// What became of one input.
    public enum Verdict: Sendable, Hashable {
        case accepted
        /// Refused with the parser's own error.
        case refused
    }

    /// Something that must hold of a parser, and did not.
    public struct Violation: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
        public init(_ description: String) { self.description = description }
    }

    /// Unique among all targets; names the corpus of the long form.
    public let name: String
    /// Inputs that are accepted.
    public let seeds: [[UInt8]]
    /// Pieces of the format that random bytes would hardly hit.
    public let words: [[UInt8]]
    /// Makes the checksums of an input right again, so that its fields are looked at; `nil` where there are none.
    public let reseal: (@Sendable (inout [UInt8]) -> Void)?
    /// Rounds that one check counts for: more than 1 where it is slow.
    public let cost: Int
    /// - Throws: what must not happen: a ``Violation``, or an error that is not the parser's own.
    public let check: @Sendable ([UInt8]) throws -> Verdict

    public init(
        _ name: String, seeds: [[UInt8]], words: [String] = [], cost: Int = 1,
        reseal: (@Sendable (inout [UInt8]) -> Void)? = nil, check: @escaping @Sendable ([UInt8]) throws -> Verdict
    ) {
        self.name = name
        self.seeds = seeds
        self.words = words.map { Array($0.utf8) }
        self.cost = cost
        self.reseal = reseal
        self.check = check
    }

    public var description: String { name }

    /// For parsers of text. Input that is not UTF-8 counts as refused: it cannot come so far.
    public static func text(
        _ name: String, seeds: [String], words: [String] = [], cost: Int = 1,
        check: @escaping @Sendable (String) throws -> Verdict
    ) -> FuzzTarget {
        FuzzTarget(name, seeds: seeds.map { Array($0.utf8) }, words: words, cost: cost) { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return .refused }
            return try check(text)
        }
    }
}

/// Says that something must hold.
///
/// - Throws: ``FuzzTarget/Violation`` when it does not.
public func hold(_ condition: Bool, _ description: @autoclosure () -> String) throws {
    if !condition { throw FuzzTarget.Violation(description()) }
}
