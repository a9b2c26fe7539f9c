import AsyncHTTPClient
import FleetModel
import NIOCore
import NIOHTTP1

/// Waits for processes to answer.
struct DevReadiness: Sendable {
    let clock: any FleetClock
    private static let patience: Duration = .seconds(60)

    /// - Throws: `timed_out`.
    func wait(for url: String, log: String) async throws {
        let deadline = clock.now() + Self.patience
        while true {
            try Task.checkCancellation()
            do {
                let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(1))
                if response.status == .ok { return }
            } catch {
                // Not listening yet: the deadline decides.
            }
            guard clock.now() < deadline else {
                throw BerthError(.timedOut, "\(url) does not answer after \(Int(Self.patience.seconds)) s. Its log in \(log) says why.")
            }
            try await clock.sleep(for: .milliseconds(50))
        }
    }
}
