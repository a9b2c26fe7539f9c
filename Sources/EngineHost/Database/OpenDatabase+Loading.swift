import Engines
import FleetModel
import Hrana

/// `POST /v1/load`: many rows into one table, all of them or none.
extension OpenDatabase {
    func load(
        _ rows: LoadRows, into table: String, _ access: AccessRights, _ request: RequestUnderWay
    ) async throws(BerthError) -> CallAnswer {
        var rows = rows
        guard !access.isReadOnly else {
            return try sqlFailure(SQLError(code: "BLOCKED", message: "This token allows reading only."), request)
        }
        let stream = try newStream(access, isKept: false)
        defer { close(stream) }
        let count: Result<Int64, BerthError>
        do throws(SQLError) {
            count = try await perform(on: stream, writes: true, request) { connection, limits throws(SQLError) in
                try Self.load(&rows, into: table, on: connection, limits)
            }
        } catch {
            return try sqlFailure(error, request)
        }
        return .reply(HostReply(body: Array(#"{"rows_loaded":\#(try count.get())}"#.utf8)))
    }

    /// - Returns: how many rows were loaded, or what is wrong with their text.
    private static func load(
        _ rows: inout LoadRows, into table: String, on connection: any EngineConnection, _ limits: StatementLimits
    ) throws(SQLError) -> Result<Int64, BerthError> {
        let loader = try connection.load(into: table, columns: rows.columns)
        do throws(SQLError) {
            while true {
                let some: [[SQLValue]]
                do throws(BerthError) { some = try rows.next(rowsAtOnce) } catch {
                    loader.abandon()
                    return .failure(error)
                }
                guard !some.isEmpty else { return .success(try loader.finish(deadline: limits.deadline)) }
                try loader.append(some, deadline: limits.deadline)
            }
        } catch {
            loader.abandon()
            throw error
        }
    }

    private static let rowsAtOnce = 2048
}
