import FleetModel
import Foundation

/// Which fleet a command talks to.
struct FleetAddress: Sendable, Hashable {
    /// Base address of the REST API, without a slash at its end.
    var url: String
    var token: String?
    /// Where the address was found, for messages.
    var origin: String
}

/// Finds the fleet: options, then environment, then the `dev.json` of a fleet on this machine.
struct FleetLocator: Sendable {
    var environment: [String: String]
    var currentDirectory: String
    var home: String

    static var ofThisProcess: FleetLocator {
        FleetLocator(
            environment: ProcessInfo.processInfo.environment,
            currentDirectory: FileManager.default.currentDirectoryPath,
            home: FileManager.default.homeDirectoryForCurrentUser.path)
    }

    /// Where `berth dev` keeps its files unless it is told otherwise.
    var defaultDirectory: String { "\(home)/.berth/dev" }

    /// The `dev.json` files that are looked for, in this order: that of `directory` or `BERTH_DIR` alone, when one is
    /// given, otherwise those of the usual places.
    func candidates(directory: String?) -> [String] {
        let directories =
            if let directory = directory ?? value("BERTH_DIR") { [absolute(directory)] } else {
                [currentDirectory, "\(currentDirectory)/berth-dev", defaultDirectory]
            }
        return directories.map { "\($0)/\(DevFleetFile.name)" }
    }

    /// The first `dev.json` there is, with its path.
    ///
    /// - Throws: `configuration_invalid` when it cannot be read.
    func devFleet(directory: String?) throws(BerthError) -> (file: DevFleetFile, path: String)? {
        guard let path = candidates(directory: directory).first(where: { FileManager.default.fileExists(atPath: $0) })
        else { return nil }
        do {
            return (try JSONDecoder().decode(DevFleetFile.self, from: Data(contentsOf: URL(fileURLWithPath: path))), path)
        } catch {
            throw BerthError(
                .configurationInvalid, "\(path) is no valid dev.json: \(error). Restart `berth dev`, or give --url and --token.")
        }
    }

    /// - Parameters:
    ///   - url: what `--url` says; `token`, `directory` likewise.
    /// - Throws: `configuration_invalid` when there is no fleet to be found.
    func address(url: String?, token: String?, directory: String?) throws(BerthError) -> FleetAddress {
        let token = token ?? value("BERTH_TOKEN")
        if let given = url ?? value("BERTH_URL") {
            let address = try Self.baseAddress(given)
            let origin = url == nil ? "BERTH_URL" : "--url"
            if let token { return FleetAddress(url: address, token: token, origin: origin) }
            // The token of the fleet here is for the fleet here: it is sent to no other address.
            let local = (try? devFleet(directory: directory))?.file
            let isLocal = local.flatMap { try? Self.baseAddress($0.manager) } == address
            return FleetAddress(url: address, token: isLocal ? local?.token : nil, origin: origin)
        }
        guard let (file, path) = try devFleet(directory: directory) else {
            throw BerthError(
                .configurationInvalid,
                "No fleet found: neither --url nor BERTH_URL is given, and there is no "
                    + candidates(directory: directory).joined(separator: ", ")
                    + ". Start a fleet with `berth dev`, or say where one is.")
        }
        return FleetAddress(url: try Self.baseAddress(file.manager), token: token ?? file.token, origin: path)
    }

    private static func baseAddress(_ text: String) throws(BerthError) -> String {
        guard let url = URL(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme.lowercased()),
            let host = url.host, !host.isEmpty, url.query == nil
        else {
            throw BerthError(
                .configurationInvalid, "“\(text.prefix(200))” is no address of a manager. Give one like http://127.0.0.1:7070.")
        }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    /// An environment variable; an empty one counts as absent.
    private func value(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        if path == "~" || path.hasPrefix("~/") { return home + path.dropFirst() }
        return "\(currentDirectory)/\(path)"
    }
}
