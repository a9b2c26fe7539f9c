import FoundationEssentials

/// One page of an answer of ListObjectsV2.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
struct S3Listing {
    var objects: [ObjectInfo] = []
    /// Where the next page begins; `nil` when this is the last.
    var continuation: String?

    /// - Parameter name: of a key; `nil` for one that is not below the prefix.
    /// - Throws: `unavailable` for anything but a listing.
    init(_ bytes: [UInt8], name: (String) -> String?) throws(ObjectStoreError) {
        func unreadable(_ why: String) -> ObjectStoreError {
            .unavailable(reason: "a listing that cannot be read: \(why)", retryable: true)
        }
        let document: XMLElement
        do throws(XMLElement.SyntaxError) { document = try XMLElement.parse(bytes) } catch { throw unreadable(error.reason) }
        guard document.name == "ListBucketResult" else { throw unreadable("a \(document.name)") }
        let isEncoded = document["EncodingType"]?.text == "url"
        for contents in document.children where contents.name == "Contents" {
            guard let raw = contents["Key"]?.text, let size = contents["Size"].flatMap({ Int64($0.text) }), size >= 0,
                let key = isEncoded ? Self.decoded(raw) : raw
            else { throw unreadable("an object without key or size") }
            // Not ours: a folder marker that a console made, or a key that cannot be a name.
            guard let name = name(key), (try? ObjectNaming.validate(name)) != nil else { continue }
            objects.append(
                ObjectInfo(
                    name: name, size: size,
                    lastModified: contents["LastModified"].flatMap { S3Dates.listingDate($0.text) } ?? .distantPast,
                    version: contents["ETag"].map { S3Store.version(etag: $0.text) }))
        }
        guard document["IsTruncated"]?.text == "true" else { return }
        guard let token = document["NextContinuationToken"]?.text, !token.isEmpty else {
            throw unreadable("it continues without saying where")
        }
        continuation = token
    }

    private static func decoded(_ key: String) -> String? {
        URIEncoding.decode(key.split(separator: "+", omittingEmptySubsequences: false).joined(separator: " "))
    }
}
