import AsyncHTTPClient
import Chaos
import Foundation
import Glibc
import LocalFleet
import NIOCore
import NIOHTTP1

/// The object store of the fleet, with what makes trouble in it.
final class ObjectStoreSite: Sendable {
    private enum Place: Sendable {
        case s3(server: ChildProcess, proxy: BucketProxy)
        case directory(String)
    }

    let troubles: BucketTroubles
    private let place: Place
    private static let bucket = "berth"
    /// For S3 servers that check no signatures, any will do.
    static let environment = ["AWS_ACCESS_KEY_ID": "chaos", "AWS_SECRET_ACCESS_KEY": "chaos"]

    private init(_ place: Place, troubles: BucketTroubles) {
        self.place = place
        self.troubles = troubles
    }

    static func start(_ settings: FleetSettings, http: HTTPClient) async throws -> ObjectStoreSite {
        let troubles = BucketTroubles(seed: settings.seed)
        switch settings.bucket {
        case .directory:
            let path = "\(settings.directory)/bucket"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            return ObjectStoreSite(.directory(path), troubles: troubles)
        case .s3:
            let port = try FreePorts.choose(1)[0], endpoint = "http://127.0.0.1:\(port)"
            let log = "\(settings.directory)/logs/s3.log"
            // Its standard input is no lifeline, so it dies by signal when the harness does.
            let server = try await ChildProcess.start(
                ["/usr/bin/setpriv", "--pdeathsig=KILL", "--"] + (try S3Program.command(port: port)),
                environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"], output: log)
            do {
                try await eventually("the S3 server answers, see \(log)", within: .seconds(60)) {
                    guard server.isRunning else { throw ChaosError("it ended") }
                    var request = HTTPClientRequest(url: "\(endpoint)/\(bucket)")
                    request.method = .PUT
                    return try await http.execute(request, timeout: .seconds(5)).status == .ok ? true : nil
                }
                let proxy = try await BucketProxy.start(upstream: endpoint, client: http, troubles: troubles)
                return ObjectStoreSite(.s3(server: server, proxy: proxy), troubles: troubles)
            } catch {
                server.signal(SIGKILL)
                throw error
            }
        }
    }

    /// Port of the proxy in front of it; `nil` when it is a directory.
    var port: Int? { if case .s3(_, let proxy) = place { proxy.port } else { nil } }

    /// As processes are told.
    ///
    /// - Parameter port: of the way there that is a process's own.
    func url(port: Int?) -> String {
        switch place {
        case .s3: "s3://\(Self.bucket)/fleet?endpoint=http://127.0.0.1:\(port ?? 0)&region=us-east-1&style=path"
        case .directory(let path): path
        }
    }

    /// Makes trouble until it is lifted.
    ///
    /// - Returns: what lifts it.
    func impose(_ trouble: BucketTrouble) -> @Sendable () -> Void {
        let ticket = troubles.impose(trouble)
        return { [troubles] in troubles.lift(ticket) }
    }

    /// Puts a file where the directory was, so that nothing in it can be read or written.
    ///
    /// - Returns: what puts the directory back.
    func takeAway() throws -> @Sendable () -> Void {
        guard case .directory(let path) = place else { throw ChaosError("Only a directory can be taken away.") }
        let away = path + ".away"
        try FileManager.default.moveItem(atPath: path, toPath: away)
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        return {
            _ = unlink(path)
            _ = rename(away, path)
        }
    }

    func stop() async {
        guard case .s3(let server, let proxy) = place else { return }
        await proxy.stop()
        server.signal(SIGKILL)
        _ = await server.exitCode()
    }
}
