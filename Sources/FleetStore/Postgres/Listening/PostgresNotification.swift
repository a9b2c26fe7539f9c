/// What a listener hears.
public enum PostgresNotification: Sendable, Hashable {
    /// LISTEN took effect for the first time: read the state now, changes from here on are announced.
    case listening
    /// LISTEN took effect again after a loss, or some notifications were dropped because nobody took them in time: those
    /// in between are missed, so read the state again.
    case reconnected
    case message(channel: String, payload: String)
}
