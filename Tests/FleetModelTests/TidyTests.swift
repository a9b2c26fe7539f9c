import Foundation
import Testing

/// What the sources must be like, apart from doing what they should.
struct TidyTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// Floors 3 to 7 of `Package.swift`: what a fleet's promises rest on. A new module goes in here or below.
    private static let core = [
        "Engines", "EngineHost", "Door", "ObjectStores", "Leases", "FleetStore", "Placement", "LocalFleet", "Routing", "Replication", "AdminAPI", "WorkerNode",
        "FleetManager", "Gateway",
    ]
    /// C libraries, pure formats, programs, and what proves the rest.
    private static let others = [
        "CSQLite", "CPostgres", "CDuckDB", "CZstd", "CLinux", "CFileFaults", "FleetModel", "Changesets", "Hrana", "Telemetry", "berth", "Chaos", "Simulation",
        "berth-chaos", "berth-simulate", "berth-bench",
    ]

    private struct File {
        var path: String
        var text: String
    }

    private static func files(of module: String) throws -> [File] {
        let folder = sources.appending(path: module)
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var found: [File] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            found.append(File(path: file.path, text: try String(contentsOf: file, encoding: .utf8)))
        }
        return found
    }

    @Test func everyModuleHasItsFloor() throws {
        let modules = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
        #expect(modules.sorted() == (Self.core + Self.others).sorted())
    }

    /// Four in a thousand lines, at least.
    @Test(arguments: core) func modulesOfTheCoreStateTheirInvariants(_ module: String) throws {
        let files = try Self.files(of: module)
        let lines = files.reduce(0) { $0 + $1.text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 }
        let invariants = files.reduce(0) { $0 + $1.text.matches(of: /\b(invariant|brokenInvariant)\(/).count }
        #expect(lines > 0)
        #expect(invariants * 1_000 >= lines * 4, "\(module): \(invariants) in \(lines) lines")
    }

    /// One name for one idea: what ends a process says why, in every build.
    @Test func whatEndsAProcessSaysWhy() throws {
        for module in Self.core + Self.others where module != "Simulation" {
            for file in try Self.files(of: module) where !file.path.hasSuffix("/Invariant.swift") {
                let silent = file.text.matches(of: /\b(precondition|preconditionFailure|assert|assertionFailure|fatalError)\(/).map { String($0.output.0) }
                #expect(silent.isEmpty, "\(file.path): \(silent) instead of invariant()")
                for call in Self.calls(of: "invariant(", in: file.text) + Self.calls(of: "brokenInvariant(", in: file.text) {
                    #expect(call.contains("\""), "\(file.path): without a message: \(call)")
                }
            }
        }
    }

    /// A metric without a help line cannot be read by everybody, and is in no table.
    @Test func everyMetricHasAHelpLine() throws {
        let texts = try (Self.core + Self.others).flatMap { try Self.files(of: $0) }
        let named = Set(texts.flatMap { $0.text.matches(of: /"(berth_[a-z_]+)"/).map { String($0.output.1) } })
        let table = try #require(texts.first { $0.path.hasSuffix("/Observability.swift") }).text
        let helped = Set(table.matches(of: /\("(berth_[a-z_]+)", "/).map { String($0.output.1) })
        #expect(helped.count > 30)
        // Told with its own by the registry itself.
        #expect(named.subtracting(helped).sorted() == ["berth_metric_name_conflicts"])
    }

    /// What stands between the parentheses of each call.
    private static func calls(of name: String, in text: String) -> [Substring] {
        text.ranges(of: name).map { range in
            var (depth, end) = (1, range.upperBound)
            while end < text.endIndex, depth > 0 {
                if text[end] == "(" { depth += 1 } else if text[end] == ")" { depth -= 1 }
                end = text.index(after: end)
            }
            return text[range.upperBound..<end]
        }
    }
}
