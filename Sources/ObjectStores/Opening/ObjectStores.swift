public import FleetModel
public import FoundationEssentials

/// Opens buckets.
public enum ObjectStores {
    /// Opens the bucket a URL names; see ``ObjectStoreURL`` for its forms.
    ///
    /// Nothing is sent yet; ``ObjectStoreProbe`` checks that the bucket is there and fit. Requests are made once, without
    /// retries; put a ``RetryingStore`` around it.
    ///
    /// - Parameter configure: sets what a URL does not say of a bucket on S3.
    /// - Throws: `BerthError` with code `configuration_invalid`, or `bucket_unavailable` for a folder that cannot be used.
    public static func open(
        url: String, environment: [String: String] = ProcessInfo.processInfo.environment,
        configure: (inout S3Configuration) -> Void = { _ in }
    ) throws(BerthError) -> any ObjectStore {
        switch try ObjectStoreURL(url, environment: environment) {
        case .directory(let path):
            do {
                return try DirectoryStore(path: path)
            } catch {
                throw BerthError(.bucketUnavailable, "The folder \(path) cannot be the bucket. \(error)")
            }
        case .s3(var configuration):
            configure(&configuration)
            return S3Store(configuration)
        }
    }
}
