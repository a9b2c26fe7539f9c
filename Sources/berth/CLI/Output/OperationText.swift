import AdminAPI

/// Operations as people read them.
enum OperationText {
    static func list(_ operations: [OperationResource]) -> String {
        if operations.isEmpty { return "No operations." }
        return Table(
            [
                .init(title: "ID"), .init(title: "WHAT"), .init(title: "STATE"), .init(title: "DONE", isNumber: true),
                .init(title: "STARTED"), .init(title: "ERROR"),
            ],
            rows: operations.map {
                [$0.id, subject($0), state($0), progress($0), $0.createdAt, $0.error?.code ?? ""]
            }
        ).text
    }

    static func details(_ operation: OperationResource) -> String {
        var members: [(String, String)] = [
            ("id", operation.id), ("what", subject(operation)), ("state", state(operation)), ("done", progress(operation)),
            ("created", operation.createdAt), ("updated", operation.updatedAt), ("finished", operation.finishedAt ?? "-"),
        ]
        if let error = operation.error { members.append(("error", "\(error.message) (\(error.code))")) }
        return Table.details(members)
    }

    /// What is done to what, for instance `move shop to node-2`.
    static func subject(_ operation: OperationResource) -> String {
        let target = [operation.database, operation.node].compactMap { $0 }.joined(separator: " to ")
        return target.isEmpty ? operation.kind : "\(operation.kind) \(target)"
    }

    private static func state(_ operation: OperationResource) -> String {
        let isOpen = operation.finishedAt == nil
        return operation.cancelRequested && isOpen ? "\(operation.state), to be cancelled" : operation.state
    }

    static func progress(_ operation: OperationResource) -> String { "\(operation.done)/\(operation.total)" }
}
