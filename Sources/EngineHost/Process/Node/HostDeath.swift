import FleetModel
import Glibc

/// How a host ended.
enum HostDeath: Sendable, Hashable {
    /// Its node wanted it to.
    case dismissed
    case crashed(signal: Int32)
    /// It ended itself, for work that went on after its time.
    case overdue
    /// It took more memory than it may, or the machine had none.
    case memory(String)
    /// It kept more memory than it should, whatever was ended in it, and was at rest.
    case bloated(String)
    /// It gave no sign of life.
    case stalled
    /// It sent something that no host sends.
    case misspoke(String)
    /// Somebody else ended it.
    case killed(signal: Int32)
    case exited(code: Int32)
    case notStarted(String)

    /// - Parameter status: as `waitpid` reports it.
    init(status: Int32) {
        let signal = status & 0x7f, code = (status >> 8) & 0xff
        switch (signal, code) {
        case (0, HostExit.watchdog): self = .overdue
        case (0, _): self = .exited(code: code)
        case (SIGKILL, _), (SIGTERM, _), (SIGINT, _), (SIGHUP, _): self = .killed(signal: signal)
        default: self = .crashed(signal: signal)
        }
    }

    /// Of the metric.
    var cause: String {
        switch self {
        case .dismissed: "dismissed"
        case .crashed: "crash"
        case .overdue: "watchdog"
        case .memory: "memory"
        case .bloated: "bloated"
        case .stalled: "stalled"
        case .misspoke: "misspoke"
        case .killed: "killed"
        case .exited: "exited"
        case .notStarted: "not_started"
        }
    }

    var description: String {
        switch self {
        case .dismissed: "it was not needed any more"
        case .crashed(let signal): "it crashed (signal \(signal), \(String(cString: strsignal(signal))))"
        case .overdue: "a statement went on after its time and could not be interrupted"
        case .memory(let detail): "it took too much memory (\(detail))"
        case .bloated(let detail): "it kept memory that nothing in it was using (\(detail)), and nothing was being carried out"
        case .stalled: "it gave no sign of life"
        case .misspoke(let detail): "it sent something that cannot be understood (\(detail))"
        case .killed(let signal): "it was ended from outside (signal \(signal))"
        case .exited(let code): "it ended by itself (code \(code))"
        case .notStarted(let detail): "it could not be started (\(detail))"
        }
    }

    /// Which rare way to end it is, if it is one.
    var rareBranch: RareBranch? {
        switch self {
        case .overdue: .hostOverdue
        case .memory: .hostFull
        case .bloated: .hostRecycled
        case .stalled: .hostStalled
        case .dismissed, .crashed, .misspoke, .killed, .exited, .notStarted: nil
        }
    }

    /// Whether what it was carrying out is the likely cause.
    var blamesWork: Bool {
        switch self {
        case .crashed, .overdue, .memory, .exited: true
        case .dismissed, .bloated, .stalled, .misspoke, .killed, .notStarted: false
        }
    }
}
