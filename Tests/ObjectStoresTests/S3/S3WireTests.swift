import FleetModel
import Foundation
import NIOCore
import Testing

@testable import ObjectStores

/// What goes over the wire, and what is made of answers that servers rarely give.
@Suite struct S3WireTests {
    private func store(_ server: ScriptedServer, token: String? = nil) -> S3Store {
        var configuration = S3Configuration(
            endpoint: S3Endpoint(isSecure: false, host: "127.0.0.1", port: server.port), region: "eu-central-1",
            bucket: "bkt", prefix: "p x", style: .path,
            credentials: S3Credentials(accessKeyID: "AK", secretAccessKey: "secret", sessionToken: token))
        configuration.connectTimeout = .seconds(2)
        configuration.readIdleTimeout = .seconds(5)
        return S3Store(configuration, now: { Date(timeIntervalSince1970: 1_369_353_600) })
    }

    private func use(_ answers: [String], _ test: (S3Store, ScriptedServer) async throws -> Void) async throws {
        try await ScriptedServer.run(answers) { server in
            let store = store(server)
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

    private static func failure(_ status: String, _ code: String) -> String {
        answer(status, "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>m</Message></Error>")
    }

    @Test func signsExactlyWhatItSends() async throws {
        try await ScriptedServer.run([Self.answer("200 OK", headers: ["ETag: \"e\""])]) { server in
            let store = store(server, token: "tok")
            let version = try await store.put("ä b+c/$~'(x).!*", bytes: Array("body".utf8), condition: .createOnly)
            try await store.shutdown()
            #expect(version == ObjectVersion(etag: "e"))

            let request = try #require(server.requests.first)
            let (head, body) = (request.prefix { $0 != "\r\n" }, request.suffix(4))
            #expect(head == "PUT /bkt/p%20x/%C3%A4%20b%2Bc/%24~%27%28x%29.%21%2A HTTP/1.1")
            #expect(body == "body")
            var headers: [String: String] = [:]
            for line in request.components(separatedBy: "\r\n").dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { break }
                headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
            }
            #expect(headers["if-none-match"] == "*")
            #expect(headers["x-amz-security-token"] == "tok")
            #expect(headers["content-length"] == "4")
            #expect(headers["x-amz-content-sha256"] == SigV4.sha256(Array("body".utf8)))

            // What a server does: sign again what arrived.
            let authorization = try #require(headers["authorization"])
            let signed = try #require(authorization.firstRange(of: "SignedHeaders="))
            let names = authorization[signed.upperBound...].prefix { $0 != "," }.split(separator: ";").map(String.init)
            #expect(Set(names).isSuperset(of: [
                "host", "if-none-match", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
            ]))
            let path = try #require(URIEncoding.decode(head.split(separator: " ")[1]))
            let arrived = names.map { ($0, headers[$0] ?? "missing") }
            #expect(authorization == SigV4(credentials: store.configuration.credentials, region: "eu-central-1").authorization(
                method: "PUT", path: path, query: [], headers: arrived,
                payloadHash: SigV4.sha256(Array("body".utf8)), timestamp: "20130524T000000Z"))
        }
    }

    @Test func sendsTheQueryAsItIsSigned() async throws {
        let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        try await use([Self.answer("200 OK", empty)]) { store, server in
            let listed = try await store.list(prefix: "a +/", after: "a +/b&c", limit: 5)
            #expect(listed == [])
            #expect(server.requests[0].hasPrefix(
                "GET /bkt?list-type=2&max-keys=5&prefix=p%20x%2Fa%20%2B%2F&start-after=p%20x%2Fa%20%2B%2Fb%26c HTTP/1.1\r\n"))
        }
    }

    @Test func aCutBodyIsTruncated() async throws {
        try await use(["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"]) { store, _ in
            await #expect(throws: ObjectStoreError.truncated(name: "x", expected: 10, received: 5)) {
                try await store.get("x")
            }
        }
    }

    @Test func aShortRangeIsTruncated() async throws {
        try await use([Self.answer("206 Partial Content", "123", headers: ["Content-Range: bytes 5-7/8"])]) { store, _ in
            await #expect(throws: ObjectStoreError.truncated(name: "x", expected: 5, received: 3)) {
                try await store.get("x", range: 5..<10)
            }
        }
    }

    @Test func aServerThatIgnoresRangesStillGivesTheRange() async throws {
        try await use([Self.answer("200 OK", "0123456789")]) { store, _ in
            let bytes = try await store.get("x", range: 2..<5)
            #expect(bytes == Array("234".utf8))
        }
    }

    @Test(arguments: [
        // Another range than asked for, no length at all, a cut chunked body.
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nContent-Range: bytes 0-4/10\r\n\r\n01234",
        "HTTP/1.1 206 Partial Content\r\n\r\n56789",
        "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n567",
        "",
    ])
    func anAnswerThatCannotBeTrustedIsNotOne(_ answer: String) async throws {
        try await use([answer]) { store, _ in
            await #expect { try await store.get("x", range: 5..<10) } throws: { error in
                (error as? ObjectStoreError)?.isRetryable == true
            }
        }
    }

    @Test func onlyADefiniteAbsenceIsOne() async throws {
        try await use([Self.failure("404 Not Found", "NoSuchKey")]) { store, _ in
            await #expect(throws: ObjectStoreError.notFound(name: "x")) { try await store.get("x") }
        }
        try await use([Self.failure("404 Not Found", "NoSuchBucket")]) { store, _ in
            await #expect { try await store.get("x") } throws: { Self.isUnavailable($0, retryable: false) }
        }
        try await use([Self.answer("404 Not Found", "<html>no such page</html>")]) { store, _ in
            await #expect { try await store.get("x") } throws: { Self.isUnavailable($0, retryable: true) }
        }
        // The answer to a HEAD does not say what is missing; the GET after it does.
        try await use([Self.answer("404 Not Found"), Self.failure("404 Not Found", "NoSuchKey")]) { store, server in
            let info = try await store.head("x")
            #expect(info == nil)
            #expect(server.requests.count == 2)
        }
        try await use([Self.answer("404 Not Found"), Self.failure("404 Not Found", "NoSuchBucket")]) { store, _ in
            await #expect { try await store.head("x") } throws: { Self.isUnavailable($0, retryable: false) }
        }
        try await use([Self.answer("404 Not Found"), Self.answer("404 Not Found")]) { store, _ in
            await #expect { try await store.head("x") } throws: { Self.isUnavailable($0, retryable: true) }
        }
        try await use([Self.answer("404 Not Found"), Self.answer("206 Partial Content", "1")]) { store, _ in
            await #expect { try await store.head("x") } throws: { Self.isUnavailable($0, retryable: true) }
        }
    }

    private static func isUnavailable(_ error: any Error, retryable: Bool) -> Bool {
        if case .unavailable(_, retryable) = error as? ObjectStoreError { true } else { false }
    }

    @Test func sortsRefusalsFromFailures() {
        func error(_ status: UInt, _ code: String? = nil) -> ObjectStoreError {
            S3Failure.error(status: status, code: code, message: nil, name: "x")
        }
        #expect(error(412, "PreconditionFailed") == .preconditionFailed(name: "x"))
        for (status, code) in [
            (500, "InternalError"), (503, "SlowDown"), (429, nil), (409, "ConditionalRequestConflict"),
            (400, "RequestTimeout"), (502, nil),
        ] as [(UInt, String?)] {
            #expect(Self.isUnavailable(error(status, code), retryable: true), "\(status)")
        }
        for (status, code) in [(403, "AccessDenied"), (401, nil), (400, "ExpiredToken")] as [(UInt, String?)] {
            guard case .denied = error(status, code) else {
                Issue.record("\(status) is not a refusal")
                continue
            }
        }
        for (status, code) in [(301, "PermanentRedirect"), (501, "NotImplemented"), (400, "InvalidArgument")] as [(UInt, String?)] {
            guard case .invalid = error(status, code) else {
                Issue.record("\(status) is not invalid")
                continue
            }
        }
    }

    private static func listing(_ keys: [String], more: String? = nil) -> String {
        let contents = keys.map {
            "<Contents><Key>\($0)</Key><Size>1</Size><LastModified>2013-05-24T00:00:00.000Z</LastModified></Contents>"
        }
        return answer("200 OK", "<ListBucketResult>\(contents.joined())<IsTruncated>\(more != nil)</IsTruncated>"
            + "\(more.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? "")</ListBucketResult>")
    }

    @Test func doesNotTrustAServersAfter() async throws {
        // As a server that knows neither prefix nor start-after: names before, at and beside what was asked for.
        try await use([
            Self.listing(["other/z", "p x/", "p x/a", "p x/b"], more: "t/+="), Self.listing(["p x/b/1", "p x/c", "q"]),
        ]) { store, server in
            let listed = try await store.list(prefix: "", after: "a", limit: 10)
            #expect(listed.map(\.name) == ["b", "b/1", "c"])
            #expect(server.requests[1].contains("continuation-token=t%2F%2B%3D"))
        }
    }

    @Test func refusesAListingThatIsNotInOrder() async throws {
        try await use([Self.listing(["p x/a"], more: "t"), Self.listing(["p x/a"])]) { store, _ in
            await #expect { try await store.list(prefix: "", after: nil, limit: 10) } throws: { error in
                (error as? ObjectStoreError)?.berthError.code == .bucketUnsafe
            }
        }
    }

    @Test func aListingThatEndsEarlyIsNotAShortOne() async throws {
        let endless = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
        for answer in [Self.answer("200 OK", endless), Self.answer("200 OK", "<ListBucketResult><Contents>"), Self.answer("200 OK", "ok")] {
            try await use([answer]) { store, _ in
                await #expect { try await store.list(prefix: "", after: nil, limit: 10) } throws: {
                    Self.isUnavailable($0, retryable: true)
                }
            }
        }
    }

    @Test func aDeletionThatFailedForOneObjectFails() async throws {
        let partly = "<DeleteResult><Error><Key>p x/a</Key><Code>InternalError</Code></Error></DeleteResult>"
        let gone = "<DeleteResult><Error><Key>p x/a</Key><Code>NoSuchKey</Code></Error></DeleteResult>"
        try await use([Self.answer("200 OK", partly), Self.answer("200 OK", gone)]) { store, server in
            await #expect { try await store.delete(["a", "<b>"]) } throws: { Self.isUnavailable($0, retryable: true) }
            try await store.delete(["a"])
            #expect(server.requests[0].hasPrefix("POST /bkt?delete= HTTP/1.1\r\n"))
            #expect(server.requests[0].contains("<Key>p x/&lt;b&gt;</Key>"))
            #expect(server.requests[0].lowercased().contains("content-md5: "))
        }
    }

    @Test func nobodyListeningIsUnavailable() async throws {
        var configuration = S3Configuration(
            endpoint: S3Endpoint(isSecure: false, host: "127.0.0.1", port: 1), region: "r", bucket: "b", style: .path,
            credentials: S3Credentials(accessKeyID: "a", secretAccessKey: "s"))
        configuration.connectTimeout = .seconds(2)
        let store = S3Store(configuration)
        await #expect { try await store.get("x") } throws: { Self.isUnavailable($0, retryable: true) }
        try await store.shutdown()
    }

    @Test func neverPrintsTheSecret() {
        let credentials = S3Credentials(accessKeyID: "AK", secretAccessKey: "s3cr3t", sessionToken: "t0k3n")
        var dumped = ""
        dump(credentials, to: &dumped)
        let configuration = S3Configuration(
            endpoint: S3Endpoint(isSecure: true, host: "h"), region: "r", bucket: "b", style: .path, credentials: credentials)
        for text in [dumped, "\(credentials)", String(reflecting: credentials), "\(configuration)"] {
            #expect(!text.contains("s3cr3t") && !text.contains("t0k3n"))
        }
    }
}
