import FleetManager
import FleetModel
import FleetStore
import Leases
import Logging
import ObjectStores
import ServiceLifecycle
import Synchronization

/// A manager that begins a new session when it loses one: it keeps nothing that a new session could contradict.
final class RestartingManager: Service {
    private let name: NodeName
    private let connections: StoreConnections
    private let objects: any ObjectStore
    private let timing: LeaseTiming
    private let settings: ManagerSettings
    private let logger: Logger
    private let current = Mutex<FleetManager?>(nil)
    private let address: AsyncStream<String>
    private let addressKnown: AsyncStream<String>.Continuation

    init(
        name: NodeName, connections: StoreConnections, objects: any ObjectStore, timing: LeaseTiming, settings: ManagerSettings,
        logger: Logger
    ) {
        self.name = name
        self.connections = connections
        self.objects = objects
        self.timing = timing
        self.settings = settings
        self.logger = logger
        (address, addressKnown) = AsyncStream.makeStream(of: String.self)
    }

    /// Says where the admin API answers; the manager begins then.
    func serve(at address: String) { addressKnown.yield(address) }

    func run() async throws {
        let known = await cancelWhenGracefulShutdown { await self.address.first { _ in true } }
        guard let known else { return }
        while !Task.isShuttingDownGracefully {
            let manager = make(address: known)
            current.withLock { $0 = manager }
            do {
                try await manager.run()
                return
            } catch let error as BerthError where error.code == .sessionEnded || error.code == .storeUnavailable {
                logger.warning("manager begins again", metadata: ["error": "\(error)"])
                await cancelWhenGracefulShutdown { [timing] in try? await BootClock().sleep(for: timing.ttl / 5) }
            }
        }
    }

    func chooseNode(for engine: EngineKind) async throws(BerthError) -> NodeName {
        guard let manager = current.withLock({ $0 }) else {
            throw BerthError(.noNodeAvailable, "This manager is still starting. Try again in a second.")
        }
        return try await manager.chooseNode(for: engine)
    }

    func gauges() -> [(name: String, value: Double)] { current.withLock { $0 }?.gauges() ?? [] }

    private func make(address: String) -> FleetManager {
        FleetManager(
            session: NewSession(
                id: .random(), node: name, role: .manager, address: address, timing: timing, program: .ofThisProcess),
            leases: connections.leases,
            catalogue: connections.catalogue, objects: objects, settings: settings,
            hints: { [hints = connections.hints] in hints.hints() }, clock: BootClock(), renewalThread: connections.renewalThread, logger: logger)
    }
}
