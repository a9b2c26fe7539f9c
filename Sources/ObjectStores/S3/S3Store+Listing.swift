import AsyncHTTPClient
import FoundationEssentials
import NIOHTTP1

extension S3Store {
    /// Asks page by page with ListObjectsV2. `start-after` only saves work: what is returned is checked here.
    public func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try ObjectNaming.validate(limit: limit)
        var found: [ObjectInfo] = []
        var last: String?
        var continuation: String?
        repeat {
            let page = try await page(prefix: prefix, after: after, continuation: continuation, limit: limit)
            for object in page.objects {
                if let last, !last.precedesInBytes(object.name) {
                    throw ObjectStoreError.invalid(
                        reason: "The bucket lists “\(object.name)” after “\(last)”. Berth needs listings in the byte "
                            + "order of names; use another kind of bucket.")
                }
                last = object.name
                guard object.name.startsInBytes(with: prefix), after.map({ $0.precedesInBytes(object.name) }) ?? true
                else { continue }
                found.append(object)
                if found.count == limit { return found }
            }
            continuation = page.continuation
        } while continuation != nil
        return found
    }

    private func page(
        prefix: String, after: String?, continuation: String?, limit: Int
    ) async throws -> (objects: [ObjectInfo], continuation: String?) {
        var request = S3Request(method: .GET, key: nil, name: prefix)
        request.query = [
            ("list-type", "2"), ("max-keys", String(min(limit, configuration.listPageSize))),
            ("prefix", keyStart(prefix)),
        ]
        if let continuation {
            request.query.append(("continuation-token", continuation))
        } else if let after {
            request.query.append(("start-after", keyStart(after)))
        }
        let response = try await connection.send(request)
        guard response.status == .ok else { throw try await S3Failure.from(response, name: prefix) }
        return try parse(try await body(of: response, name: prefix))
    }

    private func parse(_ bytes: [UInt8]) throws -> (objects: [ObjectInfo], continuation: String?) {
        func unreadable(_ why: String) -> ObjectStoreError {
            .unavailable(reason: "a listing that cannot be read: \(why)", retryable: true)
        }
        let document: XMLElement
        do throws(XMLElement.SyntaxError) {
            document = try XMLElement.parse(bytes)
        } catch {
            throw unreadable(error.reason)
        }
        guard document.name == "ListBucketResult" else { throw unreadable("a \(document.name)") }
        let isEncoded = document["EncodingType"]?.text == "url"
        var objects: [ObjectInfo] = []
        for contents in document.children where contents.name == "Contents" {
            guard let raw = contents["Key"]?.text, let size = contents["Size"].flatMap({ Int64($0.text) }),
                let key = isEncoded ? URIEncoding.decode(raw.split(separator: "+", omittingEmptySubsequences: false).joined(separator: " ")) : raw
            else { throw unreadable("an object without key or size") }
            // Not ours: a folder marker that a console made, or a key that cannot be a name.
            guard let name = name(ofKey: key), (try? ObjectNaming.validate(name)) != nil else { continue }
            objects.append(
                ObjectInfo(
                    name: name, size: size,
                    lastModified: contents["LastModified"].flatMap { S3Dates.listingDate($0.text) } ?? .distantPast,
                    version: contents["ETag"].map { Self.version(etag: $0.text) }))
        }
        guard document["IsTruncated"]?.text == "true" else { return (objects, nil) }
        guard let token = document["NextContinuationToken"]?.text, !token.isEmpty else {
            throw unreadable("it continues without saying where")
        }
        return (objects, token)
    }
}
