import Foundation
import LocalFleet
import Synchronization

/// The S3 server of ``S3Program``, on a port of its own. It ends with ``stop()``, and also with the test process, however that
/// ends.
public final class MotoServer: Sendable {
    public enum Failure: Error, CustomStringConvertible {
        case didNotStart(String)
        case refused(String)

        public var description: String {
            switch self {
            case .didNotStart(let why): "moto_server did not start: \(why)"
            case .refused(let answer): "moto_server refused a request: \(answer)"
            }
        }
    }

    private static let startTimeout: Duration = .seconds(60)
    private static let pollInterval: Duration = .milliseconds(50)
    private static let startAttempts = 3

    public let port: UInt16
    private let process: SupervisedProcess
    private let buckets = Mutex<Set<String>>([])

    /// Any will do.
    public static let environment = ["AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"]

    /// Starts a server and waits until it answers.
    public static func start() async throws -> MotoServer {
        var last: any Error = Failure.didNotStart("no attempt was made")
        // Between finding a free port and its being bound, something else may take it.
        for _ in 0..<startAttempts {
            let port = try LoopbackHTTP.freePort()
            let process = try SupervisedProcess(try S3Program.command(port: Int(port)))
            do {
                try await waitUntilReady(process, port)
                return MotoServer(port: port, process: process)
            } catch {
                await process.stop()
                last = error
            }
        }
        throw last
    }

    private init(port: UInt16, process: SupervisedProcess) {
        self.port = port
        self.process = process
    }

    private static func waitUntilReady(_ process: SupervisedProcess, _ port: UInt16) async throws {
        let deadline = ContinuousClock.now + startTimeout
        while ContinuousClock.now < deadline {
            guard process.isRunning else { throw Failure.didNotStart("it ended") }
            if let answer = try? await LoopbackHTTP.request("GET", "/moto-api/", port: port),
                answer.hasPrefix("HTTP/1.1 200")
            {
                return
            }
            try await Task.sleep(for: pollInterval)
        }
        throw Failure.didNotStart("it did not answer within \(startTimeout)")
    }

    /// `http://127.0.0.1:port`.
    public var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The URL of a bucket for Berth's configuration; the bucket is created if it does not exist.
    public func url(bucket: String, prefix: String = "") async throws -> String {
        if !buckets.withLock({ $0.contains(bucket) }) {
            let answer = try await LoopbackHTTP.request("PUT", "/\(bucket)", port: port)
            guard answer.hasPrefix("HTTP/1.1 200") else { throw Failure.refused(answer) }
            buckets.withLock { _ = $0.insert(bucket) }
        }
        return "s3://\(bucket)/\(prefix)?endpoint=\(endpoint)&region=us-east-1&style=path"
    }

    /// Ends the server and waits until it is gone.
    public func stop() async {
        await process.stop()
    }
}
