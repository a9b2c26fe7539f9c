import FleetModel
import FleetStore
import Foundation
import Logging

/// What a local fleet needs in Postgres before anything starts: the schema and an admin token.
enum DevSetup {
    /// - Parameter leaseTTL: what the fleet's TTL is to be; `nil` for what it was.
    /// - Returns: the admin token, the same at every start.
    static func prepare(conninfo: String, directory: String, leaseTTL: Duration?, logger: Logger) async throws -> String {
        let url = try PostgresURL(conninfo)
        let connection = PostgresConnection(url: url, applicationName: "berth dev", logger: logger)
        _ = try await MigrationRunner(Migration.all).migrate(connection)
        await connection.close()

        let pool = PostgresPool(url: url, size: 1, applicationName: "berth dev", logger: logger)
        let catalogue = FleetCatalogue(pool: pool)
        // Nobody else can have an opinion: every process of this fleet is a child of this one, and starts after it.
        if let leaseTTL { _ = try await catalogue.setFleet(leaseTTL: leaseTTL) }
        let path = "\(directory)/token"
        let kept = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        if let kept, let token = try await catalogue.token(secret: TokenSecret(kept)), token.revokedAt == nil {
            await pool.close()
            return kept
        }
        let secret = TokenSecret.generate()
        _ = try await catalogue.createToken(secret, name: "dev", scope: .admin)
        await pool.close()
        guard FileManager.default.createFile(atPath: path, contents: Data(secret.text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw BerthError(.diskUnavailable, "The token cannot be written to \(path).") }
        return secret.text
    }
}

/// Ports of a local fleet on 127.0.0.1.
enum DevPorts {
    /// - Throws: `configuration_invalid` when one is taken.
    static func choose(first: Int, count: Int) throws(BerthError) -> [Int] {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var ports: [Int] = []
        for index in 0..<count {
            let wanted = first == 0 ? 0 : first + index
            guard let (descriptor, port) = bind(wanted) else {
                throw BerthError(
                    .configurationInvalid,
                    "Port \(wanted) on 127.0.0.1 is taken. Give another with --port, or --port 0 for free ones.")
            }
            held.append(descriptor)
            ports.append(port)
        }
        return ports
    }

    private static func bind(_ port: Int) -> (descriptor: Int32, port: Int)? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                Glibc.bind(descriptor, pointer, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else {
            close(descriptor)
            return nil
        }
        return (descriptor, Int(in_port_t(bigEndian: address.sin_port)))
    }
}
