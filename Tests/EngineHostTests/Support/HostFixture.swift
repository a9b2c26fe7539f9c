import BerthTestKit
import Changesets
import Engines
import FleetModel
import Foundation
import Hrana
import Logging
import Synchronization
import Testing

@testable import EngineHost

/// Every kind of host there is.
enum HostUnderTest: String, CaseIterable, CustomTestStringConvertible {
    case thread, process

    var testDescription: String { rawValue }
}

/// A data directory with a host, and what opens databases there.
final class HostFixture: Sendable {
    let host: any EngineHost
    let directory: String
    /// Until when work may be begun.
    let gate = Mutex(BootInstant.now + .seconds(3_600))
    private let hosts: ProcessHosts?
    private let pool: EnginePool?
    private let watch = WorkRecord()
    private let running: Task<Void, Never>

    typealias Adjustment = (inout HostConfiguration, inout ProcessHostSettings) -> Void

    init(_ kind: HostUnderTest, _ adjust: Adjustment) async throws {
        directory = FileManager.default.temporaryDirectory.path + "/berth-hosts-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var configuration = HostConfiguration(), settings = ProcessHostSettings()
        configuration.logLevel = "critical"
        settings.sqliteHosts = 2
        adjust(&configuration, &settings)
        let until = GateReader()
        switch kind {
        case .process:
            let hosts = ProcessHosts(
                lock: try await HostsLock.take(directory), configuration: configuration,
                program: HostProgram(
                    executable: try BerthBinary.path(), arguments: ["berth", "engine-host"], environment: ProcessInfo.processInfo.environment),
                settings: settings, gate: { until.value }, clock: BootClock(), logger: Logger(label: "test"))
            (host, self.hosts, pool) = (hosts, hosts, nil)
        case .thread:
            let pool = EnginePool(threads: 2)
            host = ThreadHost(
                engines: try Self.engines(configuration), pool: pool, blockingWork: .threads, settings: configuration.settings, clock: BootClock(),
                gate: { BootInstant.now < until.value }, descriptors: configuration.databaseDescriptors, spool: SpoolFolder(directory + "/spool"),
                watch: watch, logger: Logger(label: "test"))
            (hosts, self.pool) = (nil, pool)
        }
        running = Task { [host] in await host.run() }
        until.fixture = self
    }

    /// Reads the gate of a fixture that is made after it.
    private final class GateReader: Sendable {
        private let weak = Mutex<Weak>(Weak())

        private struct Weak { weak var fixture: HostFixture? }

        var fixture: HostFixture? {
            get { weak.withLock { $0.fixture } }
            set { weak.withLock { $0.fixture = newValue } }
        }

        var value: BootInstant { fixture?.gate.withLock { $0 } ?? BootInstant(nanoseconds: 0) }
    }

    /// The hosts, where they are processes.
    var processes: ProcessHosts {
        guard let hosts else { brokenInvariant("a test of processes runs without any") }
        return hosts
    }

    func open(
        _ engine: EngineKind = .sqlite, database: DatabaseID = .random(), content: DatabaseOpening.Content = .head, head: ChainPosition = .origin,
        owner: RecordingOwner = RecordingOwner()
    ) async throws -> any HostedDatabase {
        try LocalCopy(database: database, in: directory).markDirty()
        return try await host.open(try opening(engine, database: database, content: content, head: head), for: owner)
    }

    func opening(
        _ engine: EngineKind, database: DatabaseID, content: DatabaseOpening.Content, head: ChainPosition = .origin
    ) throws -> DatabaseOpening {
        DatabaseOpening(
            database: database, name: try DatabaseName("shop"), engine: engine, settings: DatabaseSettings(), directory: directory,
            copy: .random(), epoch: Epoch(1), head: head, content: content, commit: 0)
    }

    static func engines(_ configuration: HostConfiguration = HostConfiguration()) throws -> EngineSet {
        let disk = DiskRoom(of: FileManager.default.temporaryDirectory.path, configuration.settings.disk)
        var engines = EngineSet([SQLiteEngine(options: configuration.sqlite, disk: disk)])
        engines.add(DuckDBEngine(library: try DuckDBLibrary.load(), options: configuration.duckdb, disk: disk))
        return engines
    }

    /// Ends the processes in which engines run, whose folders go with them.
    func endProcesses() async { await hosts?.shutdown() }

    /// Statements of a database that are being carried out.
    func executing(_ database: DatabaseID) -> Int {
        hosts?.works.count { $0.database == database } ?? watch.executing(database)
    }

    func end() async {
        running.cancel()
        await running.value
        await pool?.shutdown()
        try? FileManager.default.removeItem(atPath: directory)
    }

    // MARK: Requests

    static let access = AccessRights(isReadOnly: false, tokenDigest: Array(repeating: 1, count: 32))

    static func call(_ sql: String, isReadOnly: Bool = false) -> HostCall {
        HostCall(
            route: .v1Execute, body: Array(#"{"stmt":{"sql":\#(quoted(sql))}}"#.utf8),
            access: AccessRights(isReadOnly: isReadOnly, tokenDigest: access.tokenDigest))
    }

    /// Statements on a stream.
    static func pipeline(_ statements: [String], baton: String? = nil) -> HostCall {
        let requests = statements.map { #"{"type":"execute","stmt":{"sql":\#(quoted($0))}}"# }.joined(separator: ",")
        return HostCall(
            route: .pipeline(.three), body: Array(#"{"baton":\#(baton.map(quoted) ?? "null"),"requests":[\#(requests)]}"#.utf8), access: access)
    }

    static func quoted(_ text: String) -> String {
        // Safe: a string can always be encoded.
        String(decoding: try! JSONEncoder().encode(text), as: UTF8.self)
    }

    static func text(_ answer: HostAnswer) throws -> String { String(decoding: try answer.content.get().body, as: UTF8.self) }

    static func code(_ answer: HostAnswer) -> BerthError.Code? { if case .failure(let error) = answer.content { error.code } else { nil } }

    static func baton(_ answer: HostAnswer) throws -> String? {
        struct Body: Decodable { var baton: String? }
        return try JSONDecoder().decode(Body.self, from: Data(answer.content.get().body)).baton
    }
}

extension ThreadHost {
    /// Opens a SQLite database that is new, for a test that looks at its insides.
    func openNew(in directory: String) async throws -> OpenDatabase {
        let id = DatabaseID.random()
        try LocalCopy(database: id, in: directory).markDirty()
        return try await open(
            here: DatabaseOpening(
                database: id, name: try DatabaseName("shop"), engine: .sqlite, settings: DatabaseSettings(), directory: directory,
                copy: .random(), epoch: Epoch(1), head: .origin, content: .head, commit: 0), for: RecordingOwner())
    }
}

/// Runs `body` with a host of a kind, and ends the host afterwards.
func withHosts(
    _ kind: HostUnderTest, _ adjust: HostFixture.Adjustment = { _, _ in }, _ body: (HostFixture) async throws -> Void
) async throws {
    let fixture = try await HostFixture(kind, adjust)
    do { try await body(fixture) } catch {
        await fixture.end()
        throw error
    }
    await fixture.end()
}

/// Counts what engines are doing that has a deadline.
private final class WorkRecord: ExecutionWatch {
    private struct State {
        var last = 0
        var works: [Int: DatabaseID] = [:]
    }
    private let state = Mutex(State())

    func executing(_ database: DatabaseID) -> Int { state.withLock { $0.works.values.count { $0 == database } } }

    func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int {
        state.withLock { state in
            state.last += 1
            if deadline != nil { state.works[state.last] = database }
            return state.last
        }
    }

    func ended(_ work: Int) { state.withLock { $0.works[work] = nil } }
}
