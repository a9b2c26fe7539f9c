import Foundation
import NIOCore
import NIOHTTP1
@testable import ObjectStores
import Testing

/// How an upload in parts goes over the wire, and how it ends.
@Suite struct PartedUploadTests {
    private func configuration(_ server: ScriptedServer) -> S3Configuration {
        var configuration = S3Configuration(
            endpoint: S3Endpoint(isSecure: false, host: "127.0.0.1", port: server.port), region: "us-east-1", bucket: "bkt",
            style: .path, credentials: S3Credentials(accessKeyID: "id", secretAccessKey: "secret"))
        configuration.partBytes = 4
        configuration.parallelParts = 1
        configuration.partAttempts = 2
        configuration.partRetryDelay = .zero
        return configuration
    }

    private func use(_ answers: [String], _ test: (S3Store, ScriptedServer) async throws -> Void) async throws {
        try await ScriptedServer.run(answers) { server in
            let store = S3Store(configuration(server))
            do { try await test(store, server) } catch {
                try await store.shutdown()
                throw error
            }
            try await store.shutdown()
        }
    }

    private static func answer(_ status: String, _ body: String = "", headers: [String] = []) -> String {
        (["HTTP/1.1 \(status)", "Connection: close", "Content-Length: \(body.utf8.count)"] + headers).joined(separator: "\r\n")
            + "\r\n\r\n\(body)"
    }

    private static func found(size: Int, tag: String) -> String {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: \(size)\r\nETag: \"\(tag)\"\r\n\r\n"
    }

    private static let absent = [answer("404 Not Found"), answer("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>")]
    private static let begun = answer("200 OK", "<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>")
    private static func part(_ tag: String) -> String { answer("200 OK", headers: ["ETag: \"\(tag)\""]) }
    private static let completed = answer(
        "200 OK", "<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag></CompleteMultipartUploadResult>")

    private func lines(_ server: ScriptedServer) -> [String] {
        server.requests.map { request in
            let words = request.prefix { $0 != "\r\n" }.split(separator: " ")
            return words.prefix(2).joined(separator: " ")
        }
    }

    @Test func thePartsAndThenTheWhole() async throws {
        let script = Self.absent + [Self.begun, Self.part("a"), Self.part("b"), Self.completed, Self.found(size: 6, tag: "whole-2")]
        try await use(script) { store, server in
            let version = try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly)
            #expect(version == ObjectVersion(etag: "whole-2"))
            #expect(lines(server) == [
                "HEAD /bkt/x", "GET /bkt/x", "POST /bkt/x?uploads=", "PUT /bkt/x?partNumber=1&uploadId=u%2F1",
                "PUT /bkt/x?partNumber=2&uploadId=u%2F1", "POST /bkt/x?uploadId=u%2F1", "HEAD /bkt/x",
            ])
            #expect(server.requests[3].hasSuffix("abcd") && server.requests[4].hasSuffix("ef"))
            let last = server.requests[5]
            #expect(last.lowercased().contains("if-none-match: *"))
            #expect(last.contains("<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part><Part><PartNumber>2</PartNumber>"))
        }
    }

    @Test func aPartIsTriedAgainByItself() async throws {
        let script = Self.absent + [
            Self.begun, Self.answer("503 Slow Down"), Self.part("a"), Self.part("b"), Self.completed, Self.found(size: 6, tag: "whole-2"),
        ]
        try await use(script) { store, server in
            try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly)
            #expect(lines(server).count { $0.hasPrefix("POST /bkt/x?uploads=") } == 1)
            #expect(lines(server).count { $0.contains("partNumber=1") } == 2)
        }
    }

    @Test func whatFailsIsAborted() async throws {
        let failing = Self.answer("503 Slow Down")
        try await use(Self.absent + [Self.begun, failing, failing, Self.answer("204 No Content")]) { store, server in
            await #expect(throws: ObjectStoreError.self) { try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly) }
            #expect(lines(server).last == "DELETE /bkt/x?uploadId=u%2F1")
        }
    }

    @Test func aCompletionThatFailsBehindItsHeadIsAFailure() async throws {
        let late = Self.answer("200 OK", "<Error><Code>InternalError</Code><Message>m</Message></Error>")
        try await use(Self.absent + [Self.begun, Self.part("a"), Self.part("b"), late, Self.answer("204 No Content")]) { store, server in
            await #expect { try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly) } throws: { error in
                (error as? ObjectStoreError)?.isRetryable == true
            }
            #expect(lines(server).last == "DELETE /bkt/x?uploadId=u%2F1")
        }
    }

    @Test func aConditionThatDoesNotHoldIsToldAndAborted() async throws {
        let refused = Self.answer("412 Precondition Failed", "<Error><Code>PreconditionFailed</Code></Error>")
        try await use(Self.absent + [Self.begun, Self.part("a"), Self.part("b"), refused, Self.answer("204 No Content")]) { store, server in
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
                try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly)
            }
            #expect(lines(server).last == "DELETE /bkt/x?uploadId=u%2F1")
        }
    }

    @Test func whatExistsIsNotBegun() async throws {
        try await use([Self.found(size: 6, tag: "other")]) { store, server in
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
                try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly)
            }
            #expect(lines(server) == ["HEAD /bkt/x"])
        }
    }

    /// A server that takes no notice of the condition when an upload is completed.
    @Test func whatWasReplacedIsNotSaidToBeStored() async throws {
        let script = Self.absent + [Self.begun, Self.part("a"), Self.part("b"), Self.completed, Self.found(size: 6, tag: "other")]
        try await use(script) { store, _ in
            await #expect(throws: ObjectStoreError.preconditionFailed(name: "x")) {
                try await store.put("x", bytes: Array("abcdef".utf8), condition: .createOnly)
            }
        }
    }

    @Test func anUploadHasTimeByItsSize() async throws {
        try await ScriptedServer.run([""]) { server in
            var configuration = configuration(server)
            configuration.uploadTimeout = .seconds(3)
            configuration.requestTimeout = .seconds(7)
            configuration.minimumBytesPerSecond = 1 << 20
            let store = S3Store(configuration)
            func time(_ request: S3Request) -> TimeAmount { store.connection.timeout(of: request) }
            #expect(time(S3Request(method: .PUT, body: [UInt8](repeating: 0, count: 8 << 20)[...], name: "x")) == .seconds(3 + 8))
            #expect(time(S3Request(method: .GET, expectedBytes: 4 << 20, name: "x")) == .seconds(7 + 4))
            #expect(time(S3Request(method: .HEAD, name: "x")) == .seconds(7))
            try await store.shutdown()
        }
    }

    /// As long as a body is on its way no answer is waited for: here none could be there in time.
    @Test func aSilentServerIsWaitedForWhileItIsSentTo() async throws {
        try await ScriptedServer.run([Self.part("e")]) { server in
            var configuration = configuration(server)
            configuration.partBytes = 16 << 20
            configuration.readIdleTimeout = .nanoseconds(1)
            let store = S3Store(configuration)
            do { try await store.put("x", bytes: [UInt8](repeating: 0x61, count: 1 << 20), condition: .none) } catch {
                try await store.shutdown()
                throw error
            }
            try await store.shutdown()
        }
    }
}
