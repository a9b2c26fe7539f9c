public import FleetModel

// All of these throw `BerthError` with code `malformed_request` for a text that is not JSON or not of the right shape,
// with the byte where it went wrong. What is wrong with one statement alone becomes an `SQLError` in its place.

extension ExecuteRequest {
    /// - Parameter maximumDepth: Nested JSON arrays and objects that are accepted.
    /// - Throws: `BerthError` with code `malformed_request`.
    public init(
        decoding body: [UInt8], maximumDepth: Int = JSONReader.defaultMaximumDepth
    ) throws(BerthError) {
        self = try decode(body, maximumDepth) { (reader: inout JSONReader) throws(JSONError) -> ExecuteRequest in
            let members = try reader.readBodyMembers(version: .one)
            return ExecuteRequest(statement: try members.require(members.statement, "stmt"))
        }
    }
}

extension BatchRequest {
    /// - Parameter maximumDepth: Nested JSON arrays and objects that are accepted.
    /// - Throws: `BerthError` with code `malformed_request`.
    public init(
        decoding body: [UInt8], maximumDepth: Int = JSONReader.defaultMaximumDepth
    ) throws(BerthError) {
        self = try decode(body, maximumDepth) { (reader: inout JSONReader) throws(JSONError) -> BatchRequest in
            let members = try reader.readBodyMembers(version: .one)
            return BatchRequest(batch: try members.require(members.batch, "batch"))
        }
    }
}

extension PipelineRequest {
    /// - Parameters:
    ///   - version: Of the path; a request that it does not have becomes `invalid`.
    ///   - maximumDepth: Nested JSON arrays and objects that are accepted.
    /// - Throws: `BerthError` with code `malformed_request`.
    public init(
        decoding body: [UInt8], version: HranaVersion, maximumDepth: Int = JSONReader.defaultMaximumDepth
    ) throws(BerthError) {
        self = try decode(body, maximumDepth) { (reader: inout JSONReader) throws(JSONError) -> PipelineRequest in
            let members = try reader.readBodyMembers(version: version)
            return PipelineRequest(
                baton: members.baton, requests: try members.require(members.requests, "requests"))
        }
    }
}

extension CursorRequest {
    /// - Parameter maximumDepth: Nested JSON arrays and objects that are accepted.
    /// - Throws: `BerthError` with code `malformed_request`.
    public init(
        decoding body: [UInt8], maximumDepth: Int = JSONReader.defaultMaximumDepth
    ) throws(BerthError) {
        self = try decode(body, maximumDepth) { (reader: inout JSONReader) throws(JSONError) -> CursorRequest in
            let members = try reader.readBodyMembers(version: .three)
            return CursorRequest(baton: members.baton, batch: try members.require(members.batch, "batch"))
        }
    }
}

private func decode<Value>(
    _ body: [UInt8], _ maximumDepth: Int, _ read: (inout JSONReader) throws(JSONError) -> Value
) throws(BerthError) -> Value {
    var reader = JSONReader(body, maximumDepth: maximumDepth)
    do throws(JSONError) {
        let value = try read(&reader)
        try reader.finish()
        return value
    } catch {
        throw BerthError(.malformedRequest, "The body is not a Hrana request: \(error.reason) at byte \(error.offset).")
    }
}

/// The members of all bodies together: no name means different things in two of them.
private struct BodyMembers {
    var start: Int
    var baton: String?
    var statement: Result<HranaStatement, SQLError>?
    var batch: Result<Batch, SQLError>?
    var requests: [StreamRequest]?

    func require<Value>(_ value: Value?, _ name: String) throws(JSONError) -> Value {
        guard let value else { throw JSONError(.missingMember(name), at: start) }
        return value
    }
}

private let bodyMembers = KnownMembers("baton", "stmt", "batch", "requests")

extension JSONReader {
    fileprivate mutating func readBodyMembers(version: HranaVersion) throws(JSONError) -> BodyMembers {
        try beginObject()
        var members = BodyMembers(start: offset - 1)
        var known = bodyMembers
        while let key = try nextKey(of: &known) {
            switch key {
            case "baton": members.baton = try readNull() ? nil : try readString()
            case "stmt": members.statement = try readStatement()
            case "batch": members.batch = try readBatch()
            case "requests":
                var requests: [StreamRequest] = []
                try beginArray()
                while try nextElement() {
                    if case .close? = requests.last { throw JSONError(.closeNotLast, at: offset) }
                    requests.append(try readStreamRequest(version: version))
                }
                members.requests = requests
            default: try skipValue()
            }
        }
        return members
    }
}
