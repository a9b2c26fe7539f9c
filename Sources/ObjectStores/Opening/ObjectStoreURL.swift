public import FleetModel

/// Where a bucket is, as it is configured.
///
/// - `s3://bucket/prefix?region=eu-central-1` on AWS
/// - `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&style=path` elsewhere
/// - `file:///var/lib/berth/bucket`, or just the path
///
/// `region` defaults to `AWS_REGION`, then `AWS_DEFAULT_REGION`, then `us-east-1`. `style` is `path` or `virtual`; it
/// defaults to `virtual` on AWS (`path` for a bucket with a dot in its name, which no certificate covers) and to `path`
/// at an endpoint of one's own.
public enum ObjectStoreURL: Sendable, Hashable {
    case directory(path: String)
    case s3(S3Configuration)

    /// - Parameter environment: Holds the S3 credentials: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if they are
    ///   temporary, `AWS_SESSION_TOKEN`.
    /// - Throws: `BerthError` with code `configuration_invalid`.
    public init(_ text: String, environment: [String: String]) throws(BerthError) {
        guard let colon = text.firstRange(of: "://") else {
            guard !text.isEmpty else { throw Self.invalid(text, "it is empty") }
            self = .directory(path: text)
            return
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        let rest = text[colon.upperBound...]
        switch scheme {
        case "file":
            guard rest.hasPrefix("/"), let path = URIEncoding.decode(rest) else {
                throw Self.invalid(text, "a file URL has three slashes and an absolute path")
            }
            self = .directory(path: path)
        case "s3":
            self = .s3(try S3Configuration(rest, in: text, environment: environment))
        default:
            throw Self.invalid(text, "“\(scheme)” is not supported; use s3://, file:// or a path")
        }
    }

    static func invalid(_ text: String, _ why: String) -> BerthError {
        BerthError(.configurationInvalid, "“\(text)” does not say where the bucket is: \(why).")
    }
}
