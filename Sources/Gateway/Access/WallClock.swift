import Foundation

/// Seconds since 1970 by the machine's clock.
public let systemWallClock: @Sendable () -> Double = { Date().timeIntervalSince1970 }
