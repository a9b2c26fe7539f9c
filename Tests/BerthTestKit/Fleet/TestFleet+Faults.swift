import Foundation
public import Glibc

extension TestFleet {
    public struct NoSuchProcess: Error, CustomStringConvertible {
        public let description: String
    }

    /// The node of this name, with its present process numbers.
    public func node(_ name: String) throws -> FleetDescription.Node {
        guard let node = try description().nodes.first(where: { $0.name == name }) else {
            throw NoSuchProcess(description: "There is no node \(name).")
        }
        return node
    }

    /// Kills a node's worker. Its supervisor lives on.
    ///
    /// - Parameter signal: what it dies of; a crash is `SIGSEGV`, `SIGABRT` or `SIGILL`.
    /// - Returns: the number of the killed process.
    @discardableResult
    public func kill(node name: String, signal: Int32 = SIGKILL) async throws -> Int32 {
        let pid = try await worker(of: name)
        Glibc.kill(pid, signal)
        return pid
    }

    /// Kills a node's worker and supervisor, as the loss of the machine does.
    ///
    /// `berth dev` starts another supervisor, which knows nothing of the former worker's session.
    ///
    /// - Returns: the number of the killed worker.
    @discardableResult
    public func lose(node name: String) async throws -> Int32 {
        let pid = try await worker(of: name)
        let supervisor = try node(name).supervisorPID
        guard Self.isProcess(supervisor, of: name) else {
            throw NoSuchProcess(description: "Process \(supervisor) is not the supervisor of \(name).")
        }
        // In this order: the supervisor must not live to see that its worker is dead.
        Glibc.kill(supervisor, SIGKILL)
        Glibc.kill(pid, SIGKILL)
        return pid
    }

    /// Kills the manager; `berth dev` starts it again.
    public func killManager() async throws {
        let pid = try await eventually("the manager's process is found", within: .seconds(10)) { () -> Int32? in
            ProcessTable.all().first { pid in
                let words = ProcessTable.commandLine(of: pid)
                return words.dropFirst().first == "manager" && words.contains("--lifeline")
                    && words.contains { $0.contains("\(directory)/") }
            }
        }
        Glibc.kill(pid, SIGKILL)
    }

    /// Waits until a node's worker is another process than `pid`.
    public func waitForWorker(of name: String, otherThan pid: Int32) async throws {
        try await eventually("\(name) has a new worker", within: .seconds(30)) {
            let now = try node(name).pid
            return now != pid && Self.isProcess(now, of: name) ? () : nil
        }
    }

    /// The worker's process; waited for while it is just being started.
    public func worker(of name: String) async throws -> Int32 {
        try await eventually("\(name) has a worker", within: .seconds(30)) {
            let pid = try node(name).pid
            return Self.isProcess(pid, of: name) ? pid : nil
        }
    }

    /// Guards against a number that meanwhile is another process's.
    private static func isProcess(_ pid: Int32, of node: String) -> Bool {
        let words = ProcessTable.commandLine(of: pid)
        return words.contains("node") && words.contains(node)
    }
}

extension TestFleet {
    /// Command lines of processes that still work in the fleet's directory.
    public func survivors() -> [String] {
        ProcessTable.all().map(ProcessTable.commandLine).filter { words in
            words.contains { $0.contains("\(directory)/") } && words.first != "/bin/sh"
        }.map { $0.joined(separator: " ") }
    }
}
