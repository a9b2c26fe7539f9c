import BerthTestKit
import FleetModel
import Foundation

@testable import ObjectStores

/// What object stores answer, and how they are configured.
enum ObjectStoreFuzzTargets {
    static let all = [XMLFuzz.target, listing, listingDate, headerDate, encoding, url]

    private static let listing = FuzzTarget(
        "s3-listing",
        seeds: [
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>p/a</Key><Size>7</Size><LastModified>2013-05-24T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag></Contents></ListBucketResult>",
            "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>p/a+%2B</Key><Size>0</Size></Contents></ListBucketResult>",
        ].map { Array($0.utf8) },
        words: ["<Contents>", "</Contents>", "<Key>p/", "</Key>", "<Size>", "</Size>", "<IsTruncated>true</IsTruncated>", "%", "+", "-", "/", ".."], cost: 4
    ) { bytes in
        let listing: S3Listing
        do throws(ObjectStoreError) {
            listing = try S3Listing(bytes) { $0.hasPrefix("p/") ? String($0.dropFirst(2)) : nil }
        } catch {
            guard case .unavailable(_, retryable: true) = error else { throw FuzzTarget.Violation("refused as \(error)") }
            return .refused
        }
        for object in listing.objects {
            try hold(object.size >= 0, "“\(object.name)” has \(object.size) bytes")
            try ObjectNaming.validate(object.name)
        }
        try hold(listing.continuation != "", "it continues at “”")
        return .accepted
    }

    private static let listingDate = FuzzTarget.text(
        "s3-listing-date", seeds: ["2013-05-24T00:00:00.000Z", "2024-02-29T23:59:60Z", "1970-01-01T00:00:00.5Z", "0001-01-01T00:00:00Z"],
        words: ["-", ":", "T", "Z", ".", "02-30", "99", "٣"]
    ) { text in
        guard let date = S3Dates.listingDate(text) else { return .refused }
        try hold(S3Dates.amzDate(date) == rounded(text) || text.contains(":60"), "“\(text)” is read as \(date)")
        // Foundation counts years before 1582 by another calendar.
        if date.timeIntervalSince1970 > 0, let other = try? Date(text, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true)) {
            try hold(abs(other.timeIntervalSince(date)) < 0.002, "Foundation reads \(other), not \(date)")
        }
        return .accepted
    }

    /// `2013-05-24T00:00:00.5Z` as `20130524T000000Z`.
    private static func rounded(_ text: String) -> String {
        text.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    private static let headerDate = FuzzTarget.text(
        "s3-header-date", seeds: ["Fri, 24 May 2013 00:00:00 GMT", "Thu, 29 Feb 2024 23:59:59 GMT"],
        words: [" ", ":", "GMT", "Feb", "31", "-2147483648", "9999", "٣"]
    ) { text in
        guard let date = S3Dates.headerDate(text) else { return .refused }
        let written = S3Dates.amzDate(date)
        let words = text.split(separator: " ")
        try hold(
            written.hasPrefix(words[3]) && written.dropFirst(6).hasPrefix(words[1]) || text.contains(":60"),
            "“\(text)” is read as \(written)")
        return .accepted
    }

    private static let encoding = FuzzTarget.text(
        "s3-uri-encoding", seeds: ["a%20b", "%C3%A9/x", "~-._"], words: ["%", "%25", "%ff", "%00", "é", "/"]
    ) { text in
        try hold(URIEncoding.decode(URIEncoding.encode(text)).map { Array($0.utf8) } == Array(text.utf8), "encoded and decoded it differs")
        guard let decoded = URIEncoding.decode(text) else { return .refused }
        try hold(decoded.utf8.elementsEqual((text.removingPercentEncoding ?? "").utf8), "Foundation reads it another way")
        return .accepted
    }

    private static let url = FuzzTarget.text(
        "object-store-url",
        seeds: [
            "s3://bkt/a/b%20c/?endpoint=http://127.0.0.1:9000&region=eu-west-1&style=virtual", "s3://bkt", "file:///var/lib/a%20b",
            "s3://bkt?endpoint=https%3A%2F%2Fs3.local%2F", "s3://b.c/p?endpoint=http://[::1]:9000&style=path", "./bucket",
        ],
        words: ["s3://", "file://", "?", "&", "endpoint=", "region=", "style=path", "%", "%2F", "..", "/", "[", "]", ":", "@", "http://", " ", "\u{301}"]
    ) { text in
        let place: ObjectStoreURL
        do throws(BerthError) {
            place = try ObjectStoreURL(text, environment: ["AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret"])
        } catch {
            try hold(error.code == .configurationInvalid, "refused as \(error.code)")
            return .refused
        }
        guard case .s3(let configuration) = place else { return .accepted }
        let prefix = configuration.prefix
        if !prefix.isEmpty { try ObjectNaming.validate(prefix) }
        // What is asked is the host that was written.
        let endpoint = configuration.endpoint
        guard let url = URL(string: endpoint.description), let host = url.host else {
            throw FuzzTarget.Violation("\(endpoint) cannot be sent to")
        }
        try hold(host.filter { $0 != "[" && $0 != "]" } == endpoint.host.filter { $0 != "[" && $0 != "]" }, "\(endpoint) leads to \(url)")
        try hold(url.port == endpoint.port && url.path.isEmpty && url.user == nil && url.query == nil, "\(endpoint) leads to \(url)")
        return .accepted
    }
}
