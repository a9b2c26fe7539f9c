public import Routing

/// Answers `GET` and `HEAD` on one path that belongs to the process and to no database, such as `/healthz`.
///
/// It is asked without a token; what it tells is for everybody who reaches the port.
public typealias BuiltInEndpoint = @Sendable (BuiltInRequest) async -> DataReply

/// What a built-in endpoint is told of a request.
public struct BuiltInRequest: Sendable {
    public var path: String
    /// After the `?`, as it was sent; `nil` without one.
    public var query: String?
    public var requestID: String
}
