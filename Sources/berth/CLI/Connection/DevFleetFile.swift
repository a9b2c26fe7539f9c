/// `dev.json`: where the fleet that `berth dev` runs is reached. Written by it, read by every command.
struct DevFleetFile: Codable, Sendable, Hashable {
    /// Base address of the REST API.
    var manager: String
    var gateway: String
    /// An admin token.
    var token: String
    var nodes: [Node]

    struct Node: Codable, Sendable, Hashable {
        var name: String
        /// Where it answers the data protocols.
        var url: String
        var pid: Int32
        var supervisorPid: Int32

        enum CodingKeys: String, CodingKey {
            case name, url, pid
            case supervisorPid = "supervisor_pid"
        }
    }

    static let name = "dev.json"
}
