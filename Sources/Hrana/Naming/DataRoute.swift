/// The HTTP routes of the data protocol, without what names the database.
public enum DataRoute: Sendable, Hashable {
    case v1Execute
    case v1Batch
    case pipeline(HranaVersion)
    case cursor
    /// Rows for one table, not Hrana: see ``LoadOptions``.
    case load
    /// A client asks whether this version is spoken; answered with 200 and nothing else.
    case versionCheck(HranaVersion)

    /// The route of a request, or `nil` when there is none.
    ///
    /// - Parameter path: As ``DatabaseNaming`` leaves it; one trailing slash and a query are ignored.
    public init?(method: String, path: some StringProtocol) {
        var bytes = Array(path.utf8.prefix { $0 != UInt8(ascii: "?") })
        if bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        switch (method, String(decoding: bytes, as: UTF8.self)) {
        case ("POST", "/v1/execute"): self = .v1Execute
        case ("POST", "/v1/batch"): self = .v1Batch
        case ("POST", "/v2/pipeline"): self = .pipeline(.two)
        case ("POST", "/v3/pipeline"): self = .pipeline(.three)
        case ("POST", "/v3/cursor"): self = .cursor
        case ("POST", "/v1/load"): self = .load
        case ("GET", "/v2"): self = .versionCheck(.two)
        case ("GET", "/v3"): self = .versionCheck(.three)
        default: return nil
        }
    }
}
