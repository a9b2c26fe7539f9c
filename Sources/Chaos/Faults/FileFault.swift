/// Calls on one kind of a node's files that fail: what a ``FaultKind`` of the group `files` does, chosen by its strength.
public struct FileFault: Sendable, Hashable, CustomStringConvertible {
    /// The files of a database's copy. The order is that of the library that makes calls fail.
    public enum File: String, Sendable, Hashable, CaseIterable {
        /// The database itself, of any engine, also while it is being restored.
        case main
        case sqliteLog = "SQLite log"
        case sqliteIndex = "SQLite index"
        case duckDBLog = "DuckDB log"
        /// What says which published state the files are.
        case mark
    }

    public enum Operation: String, Sendable, Hashable, CaseIterable {
        case open, read, write, sync, map
    }

    /// As the system spells it in `errno`.
    public enum Reason: String, Sendable, Hashable {
        case noSpace = "ENOSPC"
        case inputOutput = "EIO"
        case noDescriptors = "EMFILE"
        case noMemory = "ENOMEM"
    }

    public struct Call: Sendable, Hashable {
        public var file: File
        public var operation: Operation

        public init(file: File, operation: Operation) {
            self.file = file
            self.operation = operation
        }
    }

    public var reason: Reason
    /// All fail for the same time.
    public var calls: [Call]
    /// How many of 1,000 such calls fail.
    public var share: Int

    /// - Parameter strength: of a planned fault, from 0 to 1.
    /// - Returns: `nil` for a fault of another group.
    public init?(_ kind: FaultKind, strength: Double) {
        guard let (reason, choices) = Self.choices(of: kind) else { return nil }
        // One number says both which and how much.
        let scaled = min(max(strength, 0), 0.999_999) * Double(choices.count), index = Int(scaled)
        self.reason = reason
        calls = choices[index]
        // A disk that is full stays so; what is worn out or short works in between.
        share = kind == .fileFull ? 1000 : 200 + Int(800 * (scaled - Double(index)))
    }

    private static func choices(of kind: FaultKind) -> (Reason, [[Call]])? {
        func each(_ operation: Operation, _ files: [File]) -> [[Call]] { files.map { [Call(file: $0, operation: operation)] } }
        return switch kind {
        case .fileFull: (.noSpace, each(.write, File.allCases))
        case .fileError:
            (
                .inputOutput,
                each(.read, [.main, .sqliteLog, .duckDBLog]) + each(.write, [.main, .sqliteLog, .sqliteIndex, .duckDBLog])
                    + each(.sync, [.main, .sqliteLog, .duckDBLog, .mark])
            )
        case .descriptorsOut: (.noDescriptors, [File.allCases.map { Call(file: $0, operation: .open) }])
        case .memoryOut: (.noMemory, each(.map, [.sqliteIndex]) + each(.read, [.main, .sqliteLog]))
        default: nil
        }
    }

    public var description: String {
        let files = calls.count > 1 ? "any file" : calls[0].file.rawValue
        return "\(calls[0].operation.rawValue) of \(files): \(reason.rawValue), \(share / 10) % of calls"
    }
}
