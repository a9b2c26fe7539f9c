import CDuckDB
public import FleetModel
import Foundation
import Synchronization

/// The DuckDB library, opened at run time: a node without it serves every other engine.
///
/// Unchecked because `api` is a struct of C function pointers, written once before anyone else sees the object.
public final class DuckDBLibrary: @unchecked Sendable {
    /// As in `v2.0.0`.
    public let version: String
    /// The file it was loaded from.
    public let path: String
    let api: berth_duckdb_api

    /// A library that is opened stays open: one object per path, for as long as the process runs.
    private static let loaded = Mutex<[String: DuckDBLibrary]>([:])
    private static let remedy = "Install it with ops/install-duckdb, or name the path of libduckdb.so."

    /// Opens the library, or returns it when it is open already.
    ///
    /// - Parameter path: `nil` looks in the usual places: where `ops/install-duckdb` puts it, then the system's.
    /// - Throws: code `engine_unavailable` when there is none, or none that fits; says what mends it.
    public static func load(path: String? = nil) throws(BerthError) -> DuckDBLibrary {
        let candidates = path.map { [$0] } ?? usualPlaces
        return try loaded.withLock { loaded throws(BerthError) in
            var reasons: [String] = []
            for candidate in candidates {
                if let library = loaded[candidate] { return library }
                do throws(LoadFailure) {
                    let library = try DuckDBLibrary(opening: candidate)
                    loaded[candidate] = library
                    return library
                } catch { reasons.append(error.reason) }
            }
            throw BerthError(.engineUnavailable, "The DuckDB library cannot be used: \(reasons.joined(separator: "; ")). \(remedy)")
        }
    }

    private static var usualPlaces: [String] {
        let home = ProcessInfo.processInfo.environment["HOME"].map { [$0 + "/.local/lib/berth/libduckdb.so"] } ?? []
        return ["/usr/local/lib/berth/libduckdb.so"] + home + ["/usr/local/lib/libduckdb.so", "libduckdb.so"]
    }

    private struct LoadFailure: Error { var reason: String }

    private init(opening path: String) throws(LoadFailure) {
        // Local: its symbols are nobody else's business. Never closed: it has threads and destructors of its own.
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw LoadFailure(reason: dlerror().map { String(cString: $0) } ?? path)
        }
        var api = berth_duckdb_api()
        if let missing = berth_duckdb_resolve(handle, &api) {
            throw LoadFailure(reason: "\(path) has no function \(String(cString: missing))")
        }
        let version = api.library_version().map { String(cString: $0) } ?? "of unknown version"
        guard version.hasPrefix("v2.") else {
            throw LoadFailure(reason: "\(path) is DuckDB \(version), and version 2 is needed")
        }
        self.path = path
        self.version = version
        self.api = api
    }

    /// A text DuckDB allocated for the caller.
    func take(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { api.free(text) }
        return String(cString: text)
    }
}
