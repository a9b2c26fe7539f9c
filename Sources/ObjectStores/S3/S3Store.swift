import AsyncHTTPClient
public import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// A bucket on AWS S3 or a server that speaks its protocol.
///
/// Large objects go in parts. Requests are signed with Signature Version 4, payload included. One attempt each: ``RetryingStore`` repeats.
/// Conditions are `If-None-Match: *` and `If-Match`; there is no fallback for servers without them, and
/// ``ObjectStoreProbe`` refuses such a server.
public final class S3Store: ObjectStore {
    let configuration: S3Configuration
    let connection: S3Connection
    private let keyPrefix: String

    /// - Parameter now: The wall clock that signatures carry; S3 refuses those more than 15 minutes off.
    public init(_ configuration: S3Configuration, now: @escaping @Sendable () -> Date = { Date() }) {
        self.configuration = configuration
        self.connection = S3Connection(configuration, now: now)
        self.keyPrefix = configuration.prefix.isEmpty ? "" : "\(configuration.prefix)/"
    }

    @discardableResult
    public func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try await put(name, contents: ObjectContents(bytes), condition: condition)
    }

    @discardableResult
    public func put(_ name: String, contents: ObjectContents, condition: PutCondition) async throws -> ObjectVersion {
        guard contents.count <= configuration.partBytes else { return try await putInParts(name, contents, condition) }
        let bytes = try await Self.read(contents, 0..<contents.count)
        var request = S3Request(method: .PUT, key: try key(name), body: bytes[...], name: name)
        request.headers += Self.headers(of: condition)
        let response = try await connection.send(request)
        guard response.status == .ok else {
            let failure = try await S3Failure.from(response, name: name)
            // S3 answers 404 when there is nothing to compare with.
            if case .notFound = failure, case .ifMatch = condition {
                throw ObjectStoreError.preconditionFailed(name: name)
            }
            throw failure
        }
        _ = try await body(of: response, name: name)
        return Self.version(response) ?? ObjectVersion(etag: "")
    }

    public func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try ObjectNaming.validate(range: range)
        var request = S3Request(method: .GET, key: try key(name), name: name)
        if let range {
            request.headers.append(("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
            request.expectedBytes = range.count
        }
        let response = try await connection.send(request)
        switch (response.status, range) {
        case (.ok, nil):
            return try await body(of: response, name: name)
        case (.partialContent, let range?):
            let start = response.headers.first(name: "content-range").flatMap(Self.startOfRange)
            guard start == nil || start == range.lowerBound else {
                throw ObjectStoreError.unavailable(reason: "another range than asked for", retryable: true)
            }
            return try Self.exactly(range, try await body(of: response, name: name), name: name)
        case (.ok, let range?):
            // A server that ignores ranges sends everything.
            let bytes = try await body(of: response, name: name)
            return try Self.exactly(range, Array(bytes.dropFirst(Int(range.lowerBound)).prefix(range.count)), name: name)
        case (.rangeNotSatisfiable, let range?):
            _ = try await S3Failure.from(response, name: name)
            throw ObjectStoreError.truncated(name: name, expected: Int64(range.count), received: 0)
        default:
            throw try await S3Failure.from(response, name: name)
        }
    }

    public func head(_ name: String) async throws -> ObjectInfo? {
        let key = try key(name)
        let response = try await connection.send(S3Request(method: .HEAD, key: key, name: name))
        switch response.status {
        case .ok:
            guard let size = response.headers.first(name: "content-length").flatMap({ Int64($0) }) else {
                throw ObjectStoreError.unavailable(reason: "an answer without a length", retryable: true)
            }
            let modified = response.headers.first(name: "last-modified").flatMap(S3Dates.headerDate)
            return ObjectInfo(
                name: name, size: size, lastModified: modified ?? .distantPast, version: Self.version(response))
        case .notFound:
            // A HEAD has no body to say what was not found; a GET has.
            do {
                _ = try await get(name, range: 0..<1)
            } catch ObjectStoreError.notFound {
                return nil
            } catch ObjectStoreError.truncated {
                // It exists by now, and is empty.
            }
            throw ObjectStoreError.unavailable(reason: "it is not clear whether “\(name)” exists", retryable: true)
        default:
            throw try await S3Failure.from(response, name: name)
        }
    }

    public func shutdown() async throws {
        try await connection.shutdown()
    }

    // MARK: Names

    func key(_ name: String) throws(ObjectStoreError) -> String {
        try ObjectNaming.validate(name)
        return keyPrefix + name
    }

    /// A key of a listing as a name; `nil` for one that is not below the prefix.
    func name(ofKey key: String) -> String? {
        guard key.startsInBytes(with: keyPrefix) else { return nil }
        return String(decoding: Array(key.utf8.dropFirst(keyPrefix.utf8.count)), as: UTF8.self)
    }

    /// The start of keys for the start of names.
    func keyStart(_ start: String) -> String { keyPrefix + start }

    /// Files are read where blocking blocks nobody.
    static func read(_ contents: ObjectContents, _ range: Range<Int>) async throws -> [UInt8] {
        guard contents.isOnDisk else { return try contents.read(range) }
        return try await NIOThreadPool.singleton.runIfActive { try contents.read(range) }
    }

    static func headers(of condition: PutCondition) -> [(String, String)] {
        switch condition {
        case .none: []
        case .createOnly: [("if-none-match", "*")]
        case .ifMatch(let version): [("if-match", "\"\(version.etag)\"")]
        }
    }

    // MARK: Answers

    /// The whole body, which must be as long as announced.
    func body(of response: HTTPClientResponse, name: String) async throws -> [UInt8] {
        let expected = response.headers.first(name: "content-length").flatMap { Int($0) }
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body { bytes.append(contentsOf: chunk.readableBytesView) }
        } catch {
            let failure = S3Connection.failure(error)
            if failure is CancellationError { throw failure }
            guard let expected, bytes.count < expected else { throw failure }
        }
        if let expected, bytes.count != expected {
            throw ObjectStoreError.truncated(name: name, expected: Int64(expected), received: Int64(bytes.count))
        }
        let isChunked = response.headers["transfer-encoding"].contains { $0.lowercased().contains("chunked") }
        // Without either, the end of the connection would be the end of the body, and a cut one would look whole.
        guard expected != nil || isChunked else {
            throw ObjectStoreError.unavailable(reason: "an answer of unknown length", retryable: true)
        }
        return bytes
    }

    private static func exactly(_ range: Range<Int64>, _ bytes: [UInt8], name: String) throws -> [UInt8] {
        guard bytes.count == range.count else {
            throw ObjectStoreError.truncated(
                name: name, expected: Int64(range.count), received: Int64(bytes.count))
        }
        return bytes
    }

    static func version(_ response: HTTPClientResponse) -> ObjectVersion? {
        response.headers.first(name: "etag").map(version(etag:))
    }

    static func version(etag: String) -> ObjectVersion {
        ObjectVersion(etag: etag.hasPrefix("\"") && etag.hasSuffix("\"") && etag.count > 1
            ? String(etag.dropFirst().dropLast()) : etag)
    }

    /// Of `bytes 0-9/100`, 0.
    private static func startOfRange(_ header: String) -> Int64? {
        guard header.hasPrefix("bytes ") else { return nil }
        return Int64(header.dropFirst("bytes ".count).prefix { $0 != "-" })
    }
}
