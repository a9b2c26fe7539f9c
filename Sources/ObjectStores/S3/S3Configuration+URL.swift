import FleetModel

extension S3Configuration {
    /// - Parameters:
    ///   - rest: What follows `s3://`.
    ///   - text: The whole, for errors.
    init(_ rest: Substring, in text: String, environment: [String: String]) throws(BerthError) {
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let place = parts[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let bucket = String(place[0])
        guard !bucket.isEmpty, bucket.utf8.allSatisfy(Self.isFitForBucket) else {
            throw ObjectStoreURL.invalid(text, "“\(bucket)” cannot name a bucket")
        }
        guard var prefix = URIEncoding.decode(place.count > 1 ? place[1] : "") else {
            throw ObjectStoreURL.invalid(text, "its prefix is not encoded properly")
        }
        while prefix.hasSuffix("/") { prefix.removeLast() }
        if !prefix.isEmpty {
            do { try ObjectNaming.validate(prefix) } catch { throw ObjectStoreURL.invalid(text, error.description) }
            // Names are 900 bytes at most, and keys 1,024.
            guard prefix.utf8.count <= 100 else { throw ObjectStoreURL.invalid(text, "its prefix is over 100 bytes long") }
        }
        var endpoint: S3Endpoint?
        var style: Style?
        var region = ["AWS_REGION", "AWS_DEFAULT_REGION"].compactMap { environment[$0] }.first { !$0.isEmpty }
            ?? "us-east-1"
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let value = URIEncoding.decode(halves[1]), !value.isEmpty else {
                throw ObjectStoreURL.invalid(text, "“\(pair)” is not a parameter with a value")
            }
            switch halves[0] {
            case "endpoint": endpoint = try S3Endpoint(value, in: text)
            case "region": region = value
            case "style":
                guard let known = Style(rawValue: value) else {
                    throw ObjectStoreURL.invalid(text, "the style is “path” or “virtual”, not “\(value)”")
                }
                style = known
            default: throw ObjectStoreURL.invalid(text, "there is no parameter “\(halves[0])”")
            }
        }
        guard let credentials = S3Credentials(environment: environment) else {
            throw BerthError(
                .configurationInvalid,
                "The bucket \(bucket) needs credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        }
        self.init(
            endpoint: endpoint ?? S3Endpoint(isSecure: true, host: "s3.\(region).amazonaws.com"),
            region: region, bucket: bucket, prefix: prefix,
            style: style ?? (endpoint != nil || bucket.contains(".") ? .path : .virtual),
            credentials: credentials)
    }

    private static func isFitForBucket(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}

extension S3Endpoint {
    init(_ endpoint: String, in text: String) throws(BerthError) {
        func invalid() -> BerthError {
            ObjectStoreURL.invalid(text, "“\(endpoint)” is not an endpoint such as https://host:9000")
        }
        guard let colon = endpoint.firstRange(of: "://") else { throw invalid() }
        let isSecure: Bool
        switch endpoint[..<colon.lowerBound] {
        case "http": isSecure = false
        case "https": isSecure = true
        default: throw invalid()
        }
        var authority = endpoint[colon.upperBound...]
        if authority.hasSuffix("/") { authority.removeLast() }
        guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else { throw invalid() }
        // The last colon, unless it is inside an IPv6 address in brackets.
        guard let portColon = authority.lastIndex(of: ":"), !authority[portColon...].contains("]") else {
            self.init(isSecure: isSecure, host: String(authority))
            return
        }
        guard let port = UInt16(authority[authority.index(after: portColon)...]), port > 0,
            portColon > authority.startIndex
        else { throw invalid() }
        self.init(isSecure: isSecure, host: String(authority[..<portColon]), port: Int(port))
    }
}
