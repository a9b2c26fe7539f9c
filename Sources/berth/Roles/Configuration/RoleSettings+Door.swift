import AdminAPI
import Door
import FleetModel
import Gateway
import Hrana

/// Settings of what listens: what it puts up with before it knows who asks, and of those who are slow.
extension RoleSettings {
    /// - Parameter otherDescriptors: what this process may open besides connections and the reserve.
    func door(otherDescriptors: Int = 0, of descriptors: Int = DescriptorLimit.current) throws(BerthError) -> DoorLimits {
        var door = DoorLimits()
        // A quarter: a request that is passed on takes a second connection, and half is for databases.
        let usual = min(door.connections, max(64, descriptors / 4))
        door.connections = try int("connections", in: 8...(1 << 20), default: usual)
        guard string("connections") == nil || door.connections + otherDescriptors + DescriptorLimit.reserve <= descriptors else {
            throw BerthError(
                .configurationInvalid,
                "“connections” (\(door.connections)) must leave \(otherDescriptors + DescriptorLimit.reserve) of what this process may open (\(descriptors)): "
                    + "raise that limit (`LimitNOFILE` of systemd, `ulimit -n`), or give less.")
        }
        door.connectionsPerAddress = try int(
            "connections-per-address", in: 1...(1 << 20), default: min(door.connectionsPerAddress, door.connections))
        door.idle = try milliseconds("connection-idle-ms", in: 31_000...86_400_000, default: door.idle)
        door.head = try milliseconds("head-timeout-ms", in: 100...600_000, default: door.head)
        door.headBytes = try int("head-bytes", in: 1_024...(1 << 20), default: door.headBytes)
        door.pipelinedRequests = try int("pipelined-requests", in: 0...10_000, default: door.pipelinedRequests)
        door.bodyWindow = try milliseconds("body-window-ms", in: 100...600_000, default: door.bodyWindow)
        door.bodyRate = try int("body-rate", in: 1...(1 << 30), default: door.bodyRate)
        door.refusedBody = try milliseconds("refused-body-ms", in: 100...600_000, default: door.refusedBody)
        door.answerWindow = try milliseconds("answer-window-ms", in: 100...600_000, default: door.answerWindow)
        door.answerRate = try int("answer-rate", in: 1...(1 << 30), default: door.answerRate)
        door.answerBytes = try int("answer-bytes-in-flight", in: 65_536...(1 << 40), default: door.answerBytes)
        try require(
            ("connections-per-address", door.connectionsPerAddress), upTo: ("connections", door.connections),
            "the limit of one address would never be reached")
        try require(
            ("head-timeout-ms", door.head), upTo: ("connection-idle-ms", door.idle),
            "half a request would be waited for longer than a whole one")
        return door
    }

    func adminAPI(_ listen: ListenAddress) throws(BerthError) -> AdminAPI.Settings {
        var settings = AdminAPI.Settings(host: listen.host, port: listen.port, door: try door())
        settings.bodyLimit = try int("admin-body-bytes", in: 4_096...(64 << 20), default: settings.bodyLimit)
        return settings
    }

    /// - Parameter otherDescriptors: what this process may open besides connections and the reserve.
    func gateway(otherDescriptors: Int = 0, of descriptors: Int = DescriptorLimit.current) throws(BerthError) -> GatewayLimits {
        var limits = GatewayLimits()
        limits.door = try door(otherDescriptors: otherDescriptors, of: descriptors)
        limits.bodyBytes = try int("body-bytes", in: 4_096...(1 << 30), default: limits.bodyBytes)
        limits.bodyBytesPerDatabase = try int(
            "body-bytes-per-database", in: 4_096...(1 << 40), default: max(limits.bodyBytesPerDatabase, limits.bodyBytes))
        limits.bodiesInFlight = try int(
            "body-bytes-in-flight", in: 4_096...(1 << 40), default: max(limits.bodiesInFlight, limits.bodyBytesPerDatabase))
        limits.requestsPerDatabase = try int("requests-per-database", in: 1...(1 << 20), default: limits.requestsPerDatabase)
        try require(
            ("body-bytes", limits.bodyBytes), upTo: ("body-bytes-per-database", limits.bodyBytesPerDatabase),
            "a body that is not too large would never be admitted")
        try require(
            ("body-bytes-per-database", limits.bodyBytesPerDatabase), upTo: ("body-bytes-in-flight", limits.bodiesInFlight),
            "one database could keep out all others")
        // What a node answers in one piece is passed on, with room for what is around it.
        let response = try int("response-bytes", in: 4_096...(1 << 30), default: ResponseLimit.default.maximumBytes)
        limits.replyBytes = max(limits.replyBytes, 2 * response)
        try require(
            ("response-bytes", response), upTo: ("answer-bytes-in-flight", limits.door.answerBytes),
            "an answer that is not too large would be cut off")
        return limits
    }
}
