import AsyncHTTPClient
import Crypto
import FleetModel
import FoundationEssentials
import NIOHTTP1

extension S3Store {
    /// Deletes with DeleteObjects, ``S3Configuration/deleteBatchSize`` names to a request.
    public func delete(_ names: [String]) async throws {
        let keys = try names.map { try key($0) }
        var rest = keys[...]
        while !rest.isEmpty {
            let batch = rest.prefix(max(1, min(configuration.deleteBatchSize, 1000)))
            rest = rest.dropFirst(batch.count)
            try await deleteBatch(batch)
        }
    }

    private func deleteBatch(_ keys: ArraySlice<String>) async throws {
        invariant((1...1000).contains(keys.count), "S3 deletes from 1 to 1000 objects at a time")
        let objects = keys.map { "<Object><Key>\(XMLElement.escape($0))</Key></Object>" }.joined()
        let body = Array(
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(objects)<Quiet>true</Quiet></Delete>".utf8)
        let name = "\(keys.count) objects from “\(keys.first ?? "")” on"
        let response = try await connection.send(
            S3Request(
                method: .POST, key: nil, query: [("delete", "")],
                headers: [
                    // S3 insists on one of its checksums here; every server knows this one.
                    ("content-md5", Data(Insecure.MD5.hash(data: body)).base64EncodedString()),
                    ("content-type", "application/xml"),
                ],
                body: body[...], name: name))
        guard response.status == .ok else { throw try await S3Failure.from(response, name: name) }
        let answer: XMLElement
        do {
            answer = try XMLElement.parse(try await self.body(of: response, name: name))
        } catch let error as XMLElement.SyntaxError {
            throw ObjectStoreError.unavailable(reason: "an answer that cannot be read: \(error.reason)", retryable: true)
        }
        for failure in answer.children where failure.name == "Error" {
            let code = failure["Code"]?.text
            if code == "NoSuchKey" { continue }
            throw S3Failure.error(
                status: code == "AccessDenied" ? 403 : 500, code: code, message: failure["Message"]?.text,
                name: failure["Key"]?.text ?? name)
        }
    }
}
