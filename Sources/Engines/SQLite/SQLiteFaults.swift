import CSQLite

/// What is known to be wrong with versions of SQLite in ways that matter to a node, which runs SQL of strangers.
///
/// A distribution may have mended some of it under the same version.
public struct SQLiteFaults {
    private struct Fault {
        /// As in `SQLITE_VERSION_NUMBER`: 3040001 is 3.40.1.
        var versions: ClosedRange<Int32>
        var text: String
    }

    private static let known = [
        Fault(
            versions: 0...3_040_001,
            text: "EXPLAIN of some queries with many columns and terms crashes the process (so EXPLAIN is refused without QUERY PLAN)"),
        Fault(
            versions: 0...3_050_001,
            text: "CVE-2025-6965: a query with more aggregates than columns corrupts memory, unless the distribution mended it"),
        Fault(
            versions: 3_007_000...3_051_002,
            text: "a WAL that is reset during a checkpoint of another thread can corrupt the file (not on a node, where nobody writes "
                + "beside a checkpoint; mended in 3.44.6, 3.50.7 and 3.51.3)"),
    ]
    /// Releases that mended the last one in an older line.
    private static let mended: Set<Int32> = [3_044_006, 3_050_007]

    /// Of the library in use, as in `3.40.1`.
    public static var version: String { String(cString: sqlite3_libversion()) }

    /// What is known of the library in use; empty when nothing is.
    public static var ofThisVersion: [String] { of(sqlite3_libversion_number()) }

    static func of(_ number: Int32) -> [String] {
        known.filter { $0.versions.contains(number) && !(mended.contains(number) && $0.versions.lowerBound == 3_007_000) }.map(\.text)
    }
}
