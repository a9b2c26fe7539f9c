import FleetModel
import Routing

/// Notes when an answer breaks off in the middle: its status was sent long before, and its client sees no reason.
final class JournaledStream: ReplyStream {
    private let stream: any ReplyStream
    private let journal: RequestJournal
    private let database: DatabaseName?
    private let requestID: String

    init(_ stream: any ReplyStream, _ journal: RequestJournal, database: DatabaseName?, requestID: String) {
        self.stream = stream
        self.journal = journal
        self.database = database
        self.requestID = requestID
    }

    func next() async throws(BerthError) -> [UInt8]? {
        do throws(BerthError) {
            return try await stream.next()
        } catch {
            journal.failed(error, database: database, requestID: requestID)
            throw error
        }
    }

    func cancel() { stream.cancel() }
}
