import Foundation
import Synchronization

/// An S3 server for tests: the server of the Python package `moto[server]`, on a port of its own.
///
/// It honours conditional puts and checks no signatures. Unlike the `moto_server` of the package it answers one request after the
/// other: that one looks at a condition and puts the object in two steps, between which other threads put theirs, so that two
/// of them could win. The process ends with ``stop()``, and also with the test
/// process, however that ends.
public final class MotoServer: Sendable {
    public enum Failure: Error, CustomStringConvertible {
        case notInstalled
        case didNotStart(String)
        case refused(String)

        public var description: String {
            switch self {
            case .notInstalled: "moto_server is not in PATH; install it with: pip install 'moto[server]'"
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

    /// Whether there is a `moto_server` to start.
    public static var isInstalled: Bool { SupervisedProcess.find("moto_server") != nil }

    /// Any will do.
    public static let environment = ["AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"]

    /// What `moto_server` does, with one request at a time. Bodies are read before: a slow client holds up nobody.
    private static let program = """
        import io, sys, threading
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import run_simple
        application = DomainDispatcherApplication(create_backend_app)
        turn = threading.Lock()
        def one_at_a_time(environ, start_response):
            length = environ.get("CONTENT_LENGTH")
            if length:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
            with turn:
                answer = application(environ, start_response)
                try:
                    return list(answer)
                finally:
                    getattr(answer, "close", lambda: None)()
        run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True)
        """

    /// The interpreter that has the package.
    private static var python: String? {
        if let named = ProcessInfo.processInfo.environment["BERTH_PYTHON"] { return named }
        guard let server = SupervisedProcess.find("moto_server") else { return nil }
        let beside = URL(fileURLWithPath: server).deletingLastPathComponent().appendingPathComponent("python3").path
        return FileManager.default.isExecutableFile(atPath: beside) ? beside : SupervisedProcess.find("python3")
    }

    /// Starts a server and waits until it answers.
    public static func start() async throws -> MotoServer {
        guard isInstalled, let python else { throw Failure.notInstalled }
        var last: any Error = Failure.didNotStart("no attempt was made")
        // Between finding a free port and its being bound, something else may take it.
        for _ in 0..<startAttempts {
            let port = try LoopbackHTTP.freePort()
            let process = try SupervisedProcess(python, ["-c", program, String(port)])
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
