public import NIOCore

/// Where an S3 bucket is and how to talk to it.
public struct S3Configuration: Sendable, Hashable {
    /// How the bucket is named in a request.
    public enum Style: String, Sendable, Hashable, CaseIterable {
        /// `https://host/bucket/key`.
        case path
        /// `https://bucket.host/key`.
        case virtual
    }

    public var endpoint: S3Endpoint
    public var region: String
    public var bucket: String
    /// Put before every name, with a `/` between; empty for none.
    public var prefix: String
    public var style: Style
    public var credentials: S3Credentials

    /// To reach the endpoint, TLS included.
    public var connectTimeout: TimeAmount = .seconds(5)
    /// Without a byte of the answer arriving.
    public var readIdleTimeout: TimeAmount = .seconds(15)
    /// For one request and its answer, beside what moving their bytes takes at ``minimumBytesPerSecond``.
    public var requestTimeout: TimeAmount = .seconds(60)
    /// For an upload to be answered, beside the same. There is no telling whether its bytes still move.
    public var uploadTimeout: TimeAmount = .seconds(15)
    /// What a connection moves at least.
    public var minimumBytesPerSecond = 64 << 10
    /// Objects of more bytes are uploaded in parts of so many each, the last one of fewer. S3 takes no parts below 5 MiB, and no more
    /// than 10,000.
    public var partBytes = 8 << 20
    /// Parts of one object under way at a time; each takes twice its size in memory.
    public var parallelParts = 2
    /// Attempts for one part, the first included: an upload of many is not begun again because of one.
    public var partAttempts = 4
    /// The wait before the second attempt; it doubles with each further one.
    public var partRetryDelay: Duration = .milliseconds(200)
    /// Connections kept to the endpoint; requests beyond wait for one.
    public var connectionLimit = 64
    /// Objects asked for in one listing request; S3 allows 1,000.
    public var listPageSize = 1000
    /// Objects deleted in one request; S3 allows 1,000.
    public var deleteBatchSize = 1000

    public init(
        endpoint: S3Endpoint, region: String, bucket: String, prefix: String = "", style: Style,
        credentials: S3Credentials
    ) {
        self.endpoint = endpoint
        self.region = region
        self.bucket = bucket
        self.prefix = prefix
        self.style = style
        self.credentials = credentials
    }
}

/// The server of a bucket: scheme, host and port.
public struct S3Endpoint: Sendable, Hashable, CustomStringConvertible {
    public let isSecure: Bool
    public let host: String
    /// `nil` for the scheme's own.
    public let port: Int?

    public init(isSecure: Bool, host: String, port: Int? = nil) {
        self.isSecure = isSecure
        self.host = host
        self.port = port == (isSecure ? 443 : 80) ? nil : port
    }

    public var description: String { "\(isSecure ? "https" : "http")://\(host)\(port.map { ":\($0)" } ?? "")" }
}

/// An access key. Its secret parts are never printed.
public struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    public init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set, `AWS_SESSION_TOKEN`.
    public init?(environment: [String: String]) {
        guard let id = environment["AWS_ACCESS_KEY_ID"], !id.isEmpty,
            let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty
        else { return nil }
        let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        self.init(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
    }

    public var description: String { "access key \(accessKeyID)" }
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}
