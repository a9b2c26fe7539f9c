import AdminAPI
import FleetModel
import Foundation

/// Why a client command failed.
struct ClientFailure: Error, Sendable, Hashable {
    /// As the API has it, or one of the few of this side.
    let code: String
    let message: String
    let exit: CLIExit
    /// Whether the same request may go through later.
    var isTransient = false

    /// An error answer.
    init(status: Int, body: Data) {
        if let problem = try? ResourceCoding.decoder().decode(Problem.self, from: body) {
            code = problem.code
            message = problem.detail
        } else {
            code = "unexpected_answer"
            message = "The manager answered with status \(status) and no explanation. Is --url the address of a Berth manager?"
        }
        exit = CLIExit(httpStatus: status)
        isTransient = [502, 503, 504].contains(status)
    }

    /// What a waited-for operation failed with.
    init(operation: OperationResource) {
        if let failure = operation.error {
            code = failure.code
            message = failure.message
            exit = BerthError.Code(rawValue: failure.code).map { CLIExit($0) } ?? .refused
        } else {
            code = "operation_\(operation.state)"
            message = "Operation \(operation.id) was \(operation.state) with \(operation.done) of \(operation.total) done."
            exit = .refused
        }
    }

    static func usage(_ message: String) -> ClientFailure {
        ClientFailure(code: "usage", message: message, exit: .usage)
    }

    static func unreachable(_ address: FleetAddress, _ cause: String) -> ClientFailure {
        ClientFailure(
            code: "manager_unreachable",
            message: "Nothing answers at \(address.url) (from \(address.origin)): \(cause). Check the address and that the "
                + "fleet runs; `berth dev` starts one on this machine.",
            exit: .unavailable, isTransient: true)
    }

    static func noAnswer(_ address: FleetAddress) -> ClientFailure {
        ClientFailure(
            code: BerthError.Code.timedOut.rawValue,
            message: "\(address.url) took too long to answer. What was asked for may have been done: look before "
                + "repeating it.",
            exit: .timedOut, isTransient: true)
    }

    static func stillRunning(_ operation: OperationResource) -> ClientFailure {
        ClientFailure(
            code: BerthError.Code.timedOut.rawValue,
            message: "Operation \(operation.id) is still \(operation.state) and goes on without this command. "
                + "`berth operation watch \(operation.id)` waits on.",
            exit: .timedOut)
    }

    private init(code: String, message: String, exit: CLIExit, isTransient: Bool = false) {
        self.code = code
        self.message = message
        self.exit = exit
        self.isTransient = isTransient
    }
}
