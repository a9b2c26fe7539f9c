import FleetModel

/// A connection that an engine gives to one reader after the other.
protocol ReadingConnection: EngineConnection {
    /// Nothing is under way on it, so that the files can be checkpointed.
    var isIdle: Bool { get }

    /// Ends what is under way, and undoes what the client set; it goes on to be read with.
    ///
    /// - Returns: whether it is of use to another client.
    func becomeReady() -> Bool

    /// Twice does nothing.
    func close()
}
