import ArgumentParser
import FleetModel
import Foundation

/// What a script learns from how a command ended.
enum CLIExit: Int32, Sendable {
    case success = 0
    /// Something this program did not expect.
    case failure = 1
    /// The command line, or what it should have found around it.
    case usage = 2
    /// The fleet refused.
    case refused = 3
    case notFound = 4
    /// The fleet, or what it stands on, was not reached or cannot do it now.
    case unavailable = 5
    case timedOut = 6
    /// A node stopped with commits that are on its disk alone.
    case unpublished = 7

    init(httpStatus: Int) {
        switch httpStatus {
        case 404: self = .notFound
        case 408, 504: self = .timedOut
        case 400..<500: self = .refused
        default: self = .unavailable
        }
    }

    init(_ code: BerthError.Code) {
        switch code {
        case .configurationInvalid: self = .usage
        case .unpublishedCommits: self = .unpublished
        default: self = CLIExit(httpStatus: code.httpStatus)
        }
    }

    /// The exit code of a command that ended with `error`.
    static func exitCode(for error: any Error) -> Int32 {
        switch error {
        case let error as ClientFailure: return error.exit.rawValue
        case let error as BerthError: return CLIExit(error.code).rawValue
        default:
            let code = DatabaseCommands.exitCode(for: error)
            return code == .validationFailure ? usage.rawValue : code.rawValue
        }
    }

    /// Says on standard error what went wrong; help that was asked for goes to standard output.
    ///
    /// - Returns: the exit code.
    static func report(_ error: any Error, of root: any ParsableCommand.Type) -> Int32 {
        switch error {
        case let error as ClientFailure: writeError("error: \(error.message) (\(error.code))\n")
        case let error as BerthError: writeError("error: \(error.message) (\(error.code.rawValue))\n")
        default:
            let text = root.fullMessage(for: error)
            if !text.isEmpty {
                if root.exitCode(for: error).isSuccess { print(text) } else { writeError(text + "\n") }
            }
        }
        return exitCode(for: error)
    }

    /// Parses the command line, runs the command it names and reports how it failed.
    ///
    /// - Returns: the exit code of the process.
    static func run(_ root: any ParsableCommand.Type, arguments: [String]? = nil) async -> Int32 {
        do {
            var command = try root.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return success.rawValue
        } catch { return report(error, of: root) }
    }

    static func writeError(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
