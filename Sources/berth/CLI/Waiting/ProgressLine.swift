import AdminAPI
import Foundation

/// Shows on standard error how far an operation is: a bar on a terminal, a line per change elsewhere.
struct ProgressLine {
    private let isTerminal: Bool
    private let write: (String) -> Void
    private var shown = ""

    init(
        isTerminal: Bool = isatty(FileHandle.standardError.fileDescriptor) == 1,
        write: @escaping (String) -> Void = CLIExit.writeError
    ) {
        self.isTerminal = isTerminal
        self.write = write
    }

    mutating func show(_ operation: OperationResource) {
        let text = isTerminal ? Self.bar(operation) : Self.line(operation)
        guard text != shown else { return }
        // A longer text of before must not stick out.
        write(isTerminal ? "\r" + text + String(repeating: " ", count: max(0, shown.count - text.count)) : text + "\n")
        shown = text
    }

    /// Leaves the line, so that what is printed next stands on its own.
    mutating func end() {
        if isTerminal && !shown.isEmpty { write("\n") }
        shown = ""
    }

    static let width = 24

    static func bar(_ operation: OperationResource) -> String {
        let isDone = operation.state == "succeeded"
        let share = operation.total > 0 ? Double(operation.done) / Double(operation.total) : 0
        let filled = isDone ? width : min(width, Int(share * Double(width)))
        return "\(OperationText.subject(operation)) [\(String(repeating: "#", count: filled))"
            + "\(String(repeating: "-", count: width - filled))] \(OperationText.progress(operation)) \(operation.state)"
    }

    static func line(_ operation: OperationResource) -> String {
        "\(OperationText.subject(operation)): \(operation.state) \(OperationText.progress(operation))"
    }
}
