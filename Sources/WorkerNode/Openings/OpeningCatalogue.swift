public import FleetModel
public import FleetStore

/// What a node tells the catalogue of opening databases, and what others want of it.
///
/// The contract of every method is that of the `FleetCatalogue` method of the same name. Who may write rests on none of it.
public protocol OpeningCatalogue: Sendable {
    func reportServed(_ served: [(database: DatabaseID, epoch: Epoch)], by session: SessionID) async throws(BerthError)
    func reportUnopenable(
        _ database: DatabaseID, _ state: UnopenableState, isServed: Bool, epoch: Epoch, by session: SessionID
    ) async throws(BerthError)
    func reportQuarantined(
        _ database: DatabaseID, _ quarantined: Quarantined, epoch: Epoch, by session: SessionID
    ) async throws(BerthError)
    func quarantined(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: Quarantined]
    func refuse(_ database: DatabaseID, _ refusal: OpeningRefusal, on node: NodeName) async throws(BerthError)
    func awaited(by session: SessionID) async throws(BerthError) -> [DatabaseID]
    func accepted(among databases: [DatabaseID]) async throws(BerthError) -> [DatabaseID: UInt64]

    // MARK: Checking backups
    func nextToVerify(
        by session: SessionID, after age: Duration, except databases: [DatabaseID]
    ) async throws(BerthError) -> UnverifiedBackup?
    func reportVerified(_ database: DatabaseID, at seq: UInt64, by session: SessionID) async throws(BerthError)
    func backupAge(by session: SessionID) async throws(BerthError) -> Duration?
}
