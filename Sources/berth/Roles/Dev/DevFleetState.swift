import Foundation
import Synchronization

/// `dev.json`, kept current: written anew whenever a process number changes, by renaming a whole file into place.
final class DevFleetState: Sendable {
    struct Processes {
        var pid: Int32?
        var supervisorPID: Int32?
    }

    private struct State {
        var processes: [String: Processes] = [:]
        var written: Data?
        var isPublished = false
    }

    private let path: String
    let managerURL: String
    let token: String
    private let nodes: [(name: String, url: String)]
    private let state = Mutex(State())

    init(path: String, manager: String, token: String, nodes: [(name: String, url: String)]) {
        self.path = path
        self.managerURL = manager
        self.token = token
        self.nodes = nodes
    }

    var nodeNames: [String] { nodes.map(\.name) }
    var nodeURLs: [String] { nodes.map(\.url) }

    func update(_ node: String, _ change: (inout Processes) -> Void) {
        state.withLock { state in
            change(&state.processes[node, default: Processes()])
            write(&state)
        }
    }

    /// From now on the file exists: the fleet can be used.
    func publish() {
        state.withLock { state in
            state.isPublished = true
            write(&state)
        }
    }

    private func write(_ state: inout State) {
        guard state.isPublished else { return }
        let file = DevFleetFile(
            manager: managerURL, gateway: nodes[0].url, token: token,
            nodes: nodes.map { node in
                let processes = state.processes[node.name]
                return DevFleetFile.Node(
                    name: node.name, url: node.url, pid: processes?.pid ?? 0, supervisorPid: processes?.supervisorPID ?? 0)
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(file), data != state.written else { return }
        let temporary = path + ".new"
        guard FileManager.default.createFile(atPath: temporary, contents: data, attributes: [.posixPermissions: 0o600]),
            rename(temporary, path) == 0
        else { return }
        state.written = data
    }

    func greeting(directory: String) -> String {
        """

        A fleet of \(nodes.count) nodes is running.
          manager   \(managerURL)
          gateway   \(nodes[0].url)      (any node takes any database: \(nodes.map(\.name).joined(separator: ", ")))
          token     \(token)
          written to \(path), logs in \(directory)/*.log

        Try, in another terminal:
          berth db create shop
          curl -H "Authorization: Bearer \(token)" \(nodes[0].url)/db/shop/v2/pipeline \\
               -d '{"requests":[{"type":"execute","stmt":{"sql":"select 6 * 7"}},{"type":"close"}]}'
          berth db show shop

        Ctrl-C stops everything.
        """
    }
}
