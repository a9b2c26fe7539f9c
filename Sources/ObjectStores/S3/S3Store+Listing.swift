import AsyncHTTPClient
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
        let listing = try S3Listing(try await body(of: response, name: prefix)) { name(ofKey: $0) }
        return (listing.objects, listing.continuation)
    }
}
