import ArgumentParser
import FleetModel
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs the services of a role until SIGTERM or SIGINT, or until the process that started this one is gone.
enum RoleRunner {
    /// - Parameter afterwards: closes what the services used, however they ended.
    /// - Throws: what the first service that failed ended with; the exit code follows from it.
    static func run(
        _ services: [any Service], logger: Logger, lifeline: Bool = false, afterwards: () async -> Void = {}
    ) async throws {
        var services = services
        if lifeline { services.append(Lifeline()) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do { try await group.run() } catch {
            await afterwards()
            throw error
        }
        await afterwards()
    }
}

/// Ends when standard input does: a pipe held by the parent process, which so takes its children with it.
struct Lifeline: Service {
    func run() async throws {
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        // Blocks until the end, so it has a thread of its own.
        let thread = Thread {
            var byte: UInt8 = 0
            while read(0, &byte, 1) != 0 {}
            continuation.finish()
        }
        thread.start()
        await cancelWhenGracefulShutdown { for await _ in ended {} }
    }
}

extension ParsableCommand {
    /// The flag by which `berth dev` and supervisors start their children.
    static var lifelineFlag: String { "--lifeline" }
}
