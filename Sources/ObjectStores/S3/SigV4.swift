import Crypto
import FleetModel

/// AWS Signature Version 4 in the `Authorization` header, for S3.
///
/// S3 encodes a path once and does not normalise it, unlike other AWS services. Source:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
struct SigV4: Sendable {
    let credentials: S3Credentials
    let region: String
    var service = "s3"

    /// The canonical form that is signed.
    ///
    /// - Parameters:
    ///   - path: Not encoded, with its leading `/`.
    ///   - query: Names and values, not encoded.
    ///   - headers: All of these are signed; `host` must be among them.
    ///   - payloadHash: SHA-256 of the body in hexadecimal.
    static func canonicalRequest(
        method: String, path: String, query: [(String, String)], headers: [(String, String)], payloadHash: String
    ) -> String {
        let sorted = canonical(headers)
        return [
            method,
            URIEncoding.encode(path, keepingSlash: true),
            canonicalQuery(query),
            sorted.map { "\($0):\($1)\n" }.joined(),
            sorted.map(\.0).joined(separator: ";"),
            payloadHash,
        ].joined(separator: "\n")
    }

    /// The query as it is signed, and as it is to be sent.
    static func canonicalQuery(_ query: [(String, String)]) -> String {
        query.map { (URIEncoding.encode($0), URIEncoding.encode($1)) }
            .sorted { $0 < $1 }
            .map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// The value of the `Authorization` header.
    ///
    /// - Parameter timestamp: That of the `x-amz-date` header, `20130524T000000Z`.
    func authorization(
        method: String, path: String, query: [(String, String)], headers: [(String, String)], payloadHash: String,
        timestamp: String
    ) -> String {
        invariant(headers.contains { $0.0.lowercased() == "host" }, "the host is not signed")
        invariant(timestamp.utf8.count == 16, "a signature is of a moment, as 20130524T000000Z")
        let request = Self.canonicalRequest(
            method: method, path: path, query: query, headers: headers, payloadHash: payloadHash)
        let day = String(timestamp.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let toSign = "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope)\n\(Self.sha256(Array(request.utf8)))"

        var key = SymmetricKey(data: Array("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = Hexadecimal.string(HMAC<SHA256>.authenticationCode(for: Array(toSign.utf8), using: key))
        let signed = Self.canonical(headers).map(\.0).joined(separator: ";")
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope),SignedHeaders=\(signed),"
            + "Signature=\(signature)"
    }

    static func sha256(_ bytes: some Collection<UInt8>) -> String {
        var hash = SHA256()
        let isHashed: Void? = bytes.withContiguousStorageIfAvailable { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        if isHashed == nil { hash.update(data: Array(bytes)) }
        return Hexadecimal.string(hash.finalize())
    }

    /// Names in lower case, values trimmed and runs of spaces as one, by name.
    private static func canonical(_ headers: [(String, String)]) -> [(String, String)] {
        headers.map { name, value in
            (name.lowercased(), value.split(separator: " ").joined(separator: " "))
        }.sorted { $0.0 < $1.0 }
    }
}
