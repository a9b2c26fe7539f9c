import FleetModel
import Foundation
import Glibc

/// A fleet of real processes: `berth dev`, of the program beside this one.
final class DevFleet: Sendable {
    /// Where requests for databases go.
    let gateway: Int
    private let manager: Int
    let token: String
    private let pid: Int32
    private let directory: String

    /// Runs `body` with a fleet of one node, and stops it as Ctrl-C does.
    ///
    /// - Parameter settings: as a settings file has them.
    static func with<Value>(
        _ workplace: Workplace, named name: String, settings: [String: String] = [:], _ body: (DevFleet) async throws -> Value
    ) async throws -> Value {
        let fleet = try await start(in: "\(workplace.path)/\(name)", settings)
        do {
            let value = try await body(fleet)
            try await fleet.stop()
            return value
        } catch {
            try? await fleet.stop()
            throw error
        }
    }

    /// What `berth dev` writes once everything answers.
    private struct File: Decodable {
        var manager: String
        var gateway: String
        var token: String
    }

    private static func start(in directory: String, _ settings: [String: String]) async throws -> DevFleet {
        let program = try BerthProgram.path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let config = directory + "/settings.json"
        try JSONEncoder().encode(settings).write(to: URL(filePath: config))
        var spawn = ProcessSpawn(
            executable: program,
            arguments: ["berth", "dev", "--dir", directory, "--port", "0", "--nodes", "1", "--log-level", "warning", "--config", config, "--force"],
            environment: ProcessInfo.processInfo.environment)
        spawn.output = directory + "/dev.log"
        let pid = try spawn.start()
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if let data = try? Data(contentsOf: URL(filePath: directory + "/dev.json")), let file = try? JSONDecoder().decode(File.self, from: data),
                let manager = URL(string: file.manager)?.port, let gateway = URL(string: file.gateway)?.port
            {
                return DevFleet(gateway: gateway, manager: manager, token: file.token, pid: pid, directory: directory)
            }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == 0, ContinuousClock.now < deadline else {
                kill(pid, SIGINT)
                throw WorkLost("a fleet did not start: \((try? String(contentsOfFile: directory + "/dev.log", encoding: .utf8)) ?? "")")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private init(gateway: Int, manager: Int, token: String, pid: Int32, directory: String) {
        self.gateway = gateway
        self.manager = manager
        self.token = token
        self.pid = pid
        self.directory = directory
    }

    private func stop() async throws {
        kill(pid, SIGINT)
        let deadline = ContinuousClock.now + .seconds(60)
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline { kill(pid, SIGKILL) }
            try await Task.sleep(for: .milliseconds(20))
        }
        guard status == 0 else { throw WorkLost("the fleet ended with status \(status); see \(directory)/dev.log") }
    }

    // MARK: Use

    /// Creates databases, several at a time.
    func create(_ names: [String], _ engine: EngineKind = .sqlite) async throws {
        let load = HTTPLoad(port: manager, connections: min(8, names.count))
        let outcome = try await load.run(requests: names.count) { number in
            HTTPMessage.post("/v1/databases", token: self.token, Array(#"{"name":"\#(names[number])","engine":"\#(engine.rawValue)"}"#.utf8))
        }
        try outcome.expectAll(of: names.count, [201], "creating databases")
    }

    /// A pipeline of one statement, which closes its stream.
    func request(_ database: String, _ sql: String, _ arguments: [SQLValue] = []) -> [UInt8] {
        HTTPMessage.post("/db/\(database)/v3/pipeline", token: token, PipelineBody.single(sql, arguments))
    }

    @discardableResult
    func execute(_ database: String, _ sql: String) async throws -> PipelineAnswer.Statement {
        let request = request(database, sql)
        let outcome = try await HTTPLoad(port: gateway, connections: 1, keepsLast: true).run(requests: 1) { _ in request }
        try outcome.expectAll(of: 1, [200], sql)
        guard let first = try PipelineAnswer(outcome.lastBody).statements.first else { throw WorkLost("“\(sql)” has no answer") }
        return first
    }

    /// The node's metrics whose lines begin with `name`, added up.
    func metric(_ name: String, where condition: (String) -> Bool = { _ in true }) async throws -> Double {
        let outcome = try await HTTPLoad(port: gateway, connections: 1, keepsLast: true).run(requests: 1) { _ in
            HTTPMessage.get("/metrics", token: self.token)
        }
        try outcome.expectAll(of: 1, [200], "reading metrics")
        return String(decoding: outcome.lastBody, as: UTF8.self).split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(name), condition(String(line)), let value = line.split(separator: " ").last.flatMap({ Double($0) }) else { return sum }
            return sum + value
        }
    }

    /// How old the oldest unshipped commit is of each database that has one, in milliseconds.
    func shipLags() async throws -> [Double] {
        let outcome = try await HTTPLoad(port: gateway, connections: 1, keepsLast: true).run(requests: 1) { _ in
            HTTPMessage.get("/_berth/ship-lag", token: self.token)
        }
        try outcome.expectAll(of: 1, [200], "reading lags")
        return try JSONDecoder().decode([String: Double].self, from: Data(outcome.lastBody)).values.map(\.self)
    }

    /// The worker and its engine hosts.
    func nodeProcesses() throws -> [ProcessFigures] {
        let all = ProcessFigures.all()
        var found: Set<Int32> = [pid]
        // Children of children, however their numbers lie.
        while let more = all.first(where: { found.contains($0.parent) && !found.contains($0.pid) }) { found.insert(more.pid) }
        let node = all.filter { found.contains($0.pid) && ($0.arguments.contains("worker") || $0.arguments.contains("engine-host")) }
        guard !node.isEmpty else { throw WorkLost("the node's processes are not found") }
        return node
    }
}

/// What the system says of a process.
struct ProcessFigures: Sendable {
    var pid: Int32
    var parent: Int32
    var arguments: [String]
    /// Resident, of its own: without files that are mapped.
    var anonymousBytes: Int
    var descriptors: Int
    /// Of the processor, so far.
    var processorTime: Duration

    static func all() -> [ProcessFigures] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.compactMap { read($0) }
    }

    private static func read(_ pid: Int32) -> ProcessFigures? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
        else { return nil }
        func field(_ name: String) -> Int? {
            status.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.split(whereSeparator: { $0 == "\t" || $0 == " " })
                .dropFirst().first.flatMap { Int($0) }
        }
        guard let parent = field("PPid"), let end = stat.lastIndex(of: ")") else { return nil }
        // The 14th and 15th fields, in clock ticks; the name in parentheses is the 2nd. Source: proc(5).
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        let ticks = fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
        return ProcessFigures(
            pid: pid, parent: Int32(parent), arguments: line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) },
            anonymousBytes: (field("RssAnon") ?? 0) << 10,
            descriptors: (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0,
            processorTime: .seconds(Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))))
    }
}
