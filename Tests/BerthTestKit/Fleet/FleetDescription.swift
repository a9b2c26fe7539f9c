import Foundation

/// What `dev.json` says of a running fleet.
public struct FleetDescription: Decodable, Sendable, Hashable {
    /// Base address of the REST API.
    public let manager: String
    public let gateway: String
    /// An admin token.
    public let token: String
    public let nodes: [Node]

    public struct Node: Decodable, Sendable, Hashable {
        public let name: String
        public let url: String
        /// The worker's process; 0 while there is none.
        public let pid: Int32
        public let supervisorPID: Int32

        enum CodingKeys: String, CodingKey {
            case name, url, pid
            case supervisorPID = "supervisor_pid"
        }
    }

    /// - Throws: when the file is not there, or is not what it should be.
    init(file: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    }
}
