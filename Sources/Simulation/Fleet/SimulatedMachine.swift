import Chaos
import EngineHost
import FleetModel

/// Where a node of the simulation has its engine hosts: each a life of its own beside the node's, and all of them under the node's real supervision.
///
/// Frames, board, watchdog, quarantine and whatever is decided about a host are those of real hosts; processes, sockets and their memory are not.
final class SimulatedMachine: HostMachine, @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    let fleet: SimulatedFleet
    let node: Life
    let clock: SimulatedClock
    let directory: String
    /// Those that run, in the order in which they began.
    private(set) var hosts: [SimulatedHost] = []
    /// What the next statements of clients are like.
    var hardship: Hardship?
    private var isWatched = true

    /// How statements misbehave: those of the first database that has one carried out.
    struct Hardship: Hashable {
        enum Kind: Hashable {
            /// It takes so long, and can be interrupted.
            case slow(Duration)
            /// It takes so long, whatever anybody does.
            case deaf(Duration)
            /// It takes memory as long as it runs, so many bytes a second.
            case hungry(Int64, isDeaf: Bool)
        }

        var kind: Kind
        /// Statements that are like that.
        var times = 1
        var database: DatabaseID?

        /// A statement of `database` is carried out.
        ///
        /// - Returns: what it is like; `nil` for one like others.
        mutating func take(_ database: DatabaseID) -> Kind? {
            guard times > 0, self.database ?? database == database else { return nil }
            self.database = database
            times -= 1
            return kind
        }
    }

    init(_ fleet: SimulatedFleet, node: Life, clock: SimulatedClock, directory: String) {
        self.fleet = fleet
        self.node = node
        self.clock = clock
        self.directory = directory
        // Hosts die with their node.
        node.obituary[-1] = { [weak self] in
            for host in self?.hosts ?? [] { fleet.scheduler.kill(host.life) }
        }
    }

    func makeBody(_ number: Int, _ configuration: HostConfiguration, _ board: ExecutionBoard) throws(BerthError) -> any HostBody {
        SimulatedHost(number, configuration, board, on: self)
    }

    func began(_ host: SimulatedHost) { hosts.append(host) }
    func ended(_ host: SimulatedHost) { hosts.removeAll { $0 === host } }

    func watch(every interval: Duration, _ look: @escaping @Sendable () -> Bool) {
        fleet.scheduler.start(on: node) { [self] in
            while isWatched, look() { try? await clock.sleep(for: interval) }
        }
    }

    func stopWatching() { isWatched = false }

    func lookForMemory() {}
    var ranOutOfMemory: Bool { false }

    /// One of those in which something is open, if any is.
    func anyHost() -> SimulatedHost? {
        let used = hosts.filter(\.isUsed)
        return (used.isEmpty ? hosts : used).randomElement(using: &fleet.scheduler.chance)
    }
}
