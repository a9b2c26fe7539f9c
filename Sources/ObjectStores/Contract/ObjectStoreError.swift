public import FleetModel

/// How a request to an object store can fail.
public enum ObjectStoreError: Error, Sendable, Hashable {
    /// The store says that there is no such object.
    case notFound(name: String)
    /// The condition of a put did not hold; nothing was stored.
    case preconditionFailed(name: String)
    /// The store could not be asked or did not answer properly; whether a change happened is unknown.
    case unavailable(reason: String, retryable: Bool)
    /// The store refuses these credentials.
    case denied(reason: String)
    /// Fewer bytes than asked for or announced.
    case truncated(name: String, expected: Int64, received: Int64)
    /// The request cannot be made (a bad name, say), or the store does not do what Berth needs.
    case invalid(reason: String)

    /// Whether the same request may succeed a moment later.
    public var isRetryable: Bool {
        switch self {
        case .unavailable(_, let retryable): retryable
        case .truncated: true
        case .notFound, .preconditionFailed, .denied, .invalid: false
        }
    }

    /// The same as an error for the outside: `bucket_unsafe` for a store that does not do what Berth needs, otherwise
    /// `bucket_unavailable`.
    public var berthError: BerthError {
        switch self {
        case .invalid, .preconditionFailed: BerthError(.bucketUnsafe, description)
        case .notFound, .unavailable, .denied, .truncated: BerthError(.bucketUnavailable, description)
        }
    }
}

extension ObjectStoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let name): "The bucket has no object “\(name)”."
        case .preconditionFailed(let name): "The condition for storing “\(name)” does not hold."
        case .unavailable(let reason, _): "The bucket is not available: \(reason). Check its address, its credentials and the network from this machine; nothing was lost."
        case .denied(let reason): "The bucket refuses access: \(reason)"
        case .truncated(let name, let expected, let received):
            "Of “\(name)” \(received) bytes came, \(expected) were due."
        case .invalid(let reason): reason
        }
    }
}
