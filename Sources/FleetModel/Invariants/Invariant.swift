/// Ends the process when something is broken that the code around it rests on. On in every build, and says what it was: `precondition`
/// is silent in release builds.
///
/// For what only a fault of this program can break. What comes from a client, a disk, the bucket, a row or a setting is never stated
/// like this: it is an error, because a trap ends all databases of a node, and what arrived once arrives again.
///
/// - Parameters:
///   - condition: what must hold. It costs its evaluation in release as well.
///   - broken: what is the case when it does not hold, for whoever reads the log: “published out of order”.
@inlinable
@inline(__always)
public func invariant(
    _ condition: @autoclosure () -> Bool, _ broken: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition() { brokenInvariant(broken(), file: file, line: line) }
}

/// The same where control must not come to.
public func brokenInvariant(_ broken: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError("broken invariant: \(broken)", file: file, line: line)
}
