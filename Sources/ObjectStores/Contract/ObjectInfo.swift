public import FoundationEssentials

/// What is known of an object without reading it.
public struct ObjectInfo: Sendable, Hashable {
    public let name: String
    /// In bytes.
    public let size: Int64
    /// By the store's clock.
    public let lastModified: Date
    /// Always given by `head`; in a listing only by stores that have it at hand.
    public let version: ObjectVersion?

    public init(name: String, size: Int64, lastModified: Date, version: ObjectVersion? = nil) {
        self.name = name
        self.size = size
        self.lastModified = lastModified
        self.version = version
    }
}

/// Which content of an object is meant. Opaque; in most stores equal content has equal versions, so objects that are
/// replaced under a condition carry a nonce.
public struct ObjectVersion: Sendable, Hashable {
    public let etag: String

    public init(etag: String) { self.etag = etag }
}

/// What must hold for a put to happen.
public enum PutCondition: Sendable, Hashable {
    /// Nothing: an object of that name is replaced.
    case none
    /// No object has that name.
    case createOnly
    /// The object exists and is in this version.
    case ifMatch(ObjectVersion)
}
