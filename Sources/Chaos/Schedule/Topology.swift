/// Who is there to be broken.
public struct Topology: Sendable, Hashable {
    public var nodes: [String]
    public var managers: [String]
    public var gateways: [String]

    public init(nodes: [String], managers: [String], gateways: [String]) {
        self.nodes = nodes
        self.managers = managers
        self.gateways = gateways
    }

    /// As `berth-chaos` names its processes.
    public init(nodes: Int, managers: Int, gateways: Int) {
        func names(_ prefix: String, _ count: Int) -> [String] { count < 1 ? [] : (1...count).map { "\(prefix)-\($0)" } }
        self.init(nodes: names("node", nodes), managers: names("manager", managers), gateways: names("gateway", gateways))
    }

    /// Every way from one party to another, the one that connects first.
    public var links: [[String]] {
        var links: [[String]] = []
        for node in nodes {
            links += [[node, Party.postgres], [node, Party.bucket]]
            links += nodes.filter { $0 != node }.map { [node, $0] }
        }
        for manager in managers { links += [[manager, Party.postgres], [manager, Party.bucket]] }
        for gateway in gateways { links += [[gateway, Party.postgres]] + nodes.map { [gateway, $0] } }
        for entry in nodes + gateways { links.append([Party.clients, entry]) }
        return links
    }
}
