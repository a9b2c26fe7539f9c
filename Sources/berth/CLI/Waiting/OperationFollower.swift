import AdminAPI
import FleetModel
import NIOCore

/// Follows an operation to its end, through restarts of managers.
struct OperationFollower {
    let client: AdminClient
    /// How long one request waits for a change, in seconds.
    var wait = 10
    /// How long managers may be out of reach before it gives up.
    var tolerance = Duration.seconds(30)

    private let clock = ContinuousClock()

    init(client: AdminClient) { self.client = client }

    /// - Parameter timeout: in seconds; `nil` waits for ever.
    /// - Returns: the operation once it is finished.
    func follow(_ start: OperationResource, timeout: Int?) async throws -> OperationResource {
        var progress = ProgressLine()
        defer { progress.end() }
        let deadline = timeout.map { clock.now + .seconds($0) }
        var operation = start
        var lastAnswer = clock.now
        while operation.finishedAt == nil {
            progress.show(operation)
            let left = deadline.map { clock.now.duration(to: $0).seconds }
            if let left, left <= 0 { throw ClientFailure.stillRunning(operation) }
            let seconds = min(wait, left.map { Int($0.rounded(.up)) } ?? wait)
            do {
                operation = try await client.get(
                    ["operations", operation.id], query: [("wait", String(seconds))],
                    patience: .seconds(Int64(seconds)) + AdminClient.patience)
                lastAnswer = clock.now
            } catch let failure as ClientFailure
                where failure.isTransient && lastAnswer.duration(to: clock.now) < tolerance
            {
                try await clock.sleep(for: .milliseconds(500))
            }
        }
        progress.show(operation)
        return operation
    }
}
