import AsyncHTTPClient
import FleetModel
import NIOHTTP1

/// Uploads in parts, for objects above ``S3Configuration/partBytes``: each part has its own time and its own attempts, and the object
/// is there, whole, when the upload is completed.
///
/// The condition goes with the completion, as AWS has it. A server that takes no notice of it there would replace an object, so what
/// exists is looked for before, and what is stored is compared after. Of two that upload one name at once to such a server, the one that
/// is overwritten may still have been told that it won; no two of Berth's processes write one name.
///
/// An upload that fails is aborted, so that its parts take no room. One whose process dies stays until the bucket's own rule for
/// incomplete uploads ends it.
extension S3Store {
    func putInParts(_ name: String, _ contents: ObjectContents, _ condition: PutCondition) async throws -> ObjectVersion {
        if condition == .createOnly, try await head(name) != nil { throw ObjectStoreError.preconditionFailed(name: name) }
        let upload = PartedUpload(store: self, key: try key(name), name: name, id: try await beginParts(name))
        let version: ObjectVersion
        do {
            version = try await upload.complete(try await upload.send(contents), condition)
        } catch {
            await upload.abort()
            throw error
        }
        let stored = try await head(name)
        guard stored?.size == Int64(contents.count), stored?.version == version else {
            throw ObjectStoreError.preconditionFailed(name: name)
        }
        return version
    }

    private func beginParts(_ name: String) async throws -> String {
        let response = try await connection.send(S3Request(method: .POST, key: try key(name), query: [("uploads", "")], name: name))
        guard response.status == .ok else { throw try await S3Failure.from(response, name: name) }
        guard let id = try await document(of: response, name: name)["UploadId"]?.text, !id.isEmpty else {
            throw ObjectStoreError.unavailable(reason: "an upload without an identity", retryable: true)
        }
        return id
    }

    fileprivate func document(of response: HTTPClientResponse, name: String) async throws -> XMLElement {
        do { return try XMLElement.parse(try await body(of: response, name: name)) } catch let error as XMLElement.SyntaxError {
            throw ObjectStoreError.unavailable(reason: "an answer that cannot be read: \(error.reason)", retryable: true)
        }
    }
}

/// One upload in parts.
private struct PartedUpload: Sendable {
    let store: S3Store
    let key: String
    let name: String
    let id: String

    private static let maximumParts = 10_000

    /// Sends all parts, so many at a time.
    ///
    /// - Returns: their tags, in their order.
    func send(_ contents: ObjectContents) async throws -> [String] {
        let configuration = store.configuration
        let size = max(configuration.partBytes, (contents.count + Self.maximumParts - 1) / Self.maximumParts)
        let starts = Array(stride(from: 0, to: contents.count, by: size))
        return try await withThrowingTaskGroup(of: (Int, String).self) { group in
            var tags = [String?](repeating: nil, count: starts.count)
            var next = 0
            func add() {
                guard next < starts.count else { return }
                let index = next, start = starts[index]
                next += 1
                group.addTask {
                    let bytes = try await S3Store.read(contents, start..<min(start + size, contents.count))
                    return (index, try await send(part: index + 1, bytes[...]))
                }
            }
            for _ in 0..<max(1, configuration.parallelParts) { add() }
            while let (index, tag) = try await group.next() {
                tags[index] = tag
                add()
            }
            let complete = tags.compactMap { $0 }
            invariant(complete.count == starts.count, "a part of an upload is missing")
            return complete
        }
    }

    private func send(part number: Int, _ bytes: ArraySlice<UInt8>) async throws -> String {
        let configuration = store.configuration
        var delay = configuration.partRetryDelay
        for attempt in 1... {
            do {
                let response = try await store.connection.send(
                    S3Request(method: .PUT, key: key, query: [("partNumber", "\(number)"), ("uploadId", id)], body: bytes, name: name))
                guard response.status == .ok else { throw try await S3Failure.from(response, name: name) }
                _ = try await store.body(of: response, name: name)
                guard let tag = response.headers.first(name: "etag") else {
                    throw ObjectStoreError.unavailable(reason: "a part without a tag", retryable: true)
                }
                return tag
            } catch let failure as ObjectStoreError where failure.isRetryable && attempt < configuration.partAttempts {
                try await Task.sleep(for: delay, clock: .continuous)
                delay *= 2
            }
        }
        brokenInvariant("an endless loop has ended")
    }

    func complete(_ tags: [String], _ condition: PutCondition) async throws -> ObjectVersion {
        let parts = tags.enumerated().map { "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(XMLElement.escape($1))</ETag></Part>" }.joined()
        let body = Array("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(parts)</CompleteMultipartUpload>".utf8)
        let response = try await store.connection.send(
            S3Request(
                method: .POST, key: key, query: [("uploadId", id)],
                headers: S3Store.headers(of: condition) + [("content-type", "application/xml")], body: body[...], name: name))
        guard response.status == .ok else {
            let failure = try await S3Failure.from(response, name: name)
            if case .notFound = failure, case .ifMatch = condition { throw ObjectStoreError.preconditionFailed(name: name) }
            throw failure
        }
        // The head is sent before it is known whether all goes well; an error may follow it.
        let document = try await store.document(of: response, name: name)
        guard let tag = document["ETag"]?.text, document.name != "Error" else {
            throw S3Failure.error(status: 500, code: document["Code"]?.text, message: document["Message"]?.text, name: name)
        }
        return S3Store.version(etag: tag)
    }

    /// Gives the parts up. Also when whoever uploads was cancelled; what cannot be aborted now is left to the bucket's rule.
    func abort() async {
        await Task {
            let response = try? await store.connection.send(S3Request(method: .DELETE, key: key, query: [("uploadId", id)], name: name))
            if let response { _ = try? await response.body.collect(upTo: 64 << 10) }
        }.value
    }
}
