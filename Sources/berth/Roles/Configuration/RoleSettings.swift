import Configuration
import FleetModel
import Foundation
import Logging
import SystemPackage
import Telemetry

/// The settings of a server role, from one place after the other: flags, environment (`BERTH_…`), file, default.
struct RoleSettings: Sendable {
    private let reader: ConfigReader

    /// - Throws: `configuration_invalid` when the file cannot be read, or has a value no setting can have.
    init(_ options: RoleOptions) async throws(BerthError) {
        let flags = InMemoryProvider(
            name: "flags",
            values: Dictionary(uniqueKeysWithValues: options.given.map { key, value in
                (AbsoluteConfigKey([key]), ConfigValue(.string(value), isSecret: key == "postgres"))
            }))
        let environment = EnvironmentVariablesProvider(secretsSpecifier: .specific(["BERTH_POSTGRES"]))
            .prefixKeys(with: "berth")
        var providers: [any ConfigProvider] = [flags, environment]
        if let path = options.config ?? ProcessInfo.processInfo.environment["BERTH_CONFIG"] {
            do {
                providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(path)))
                try SettingsFile.check(path)
            } catch let error as BerthError { throw error } catch {
                throw BerthError(.configurationInvalid, "The configuration file \(path) cannot be read: \(error)")
            }
        }
        reader = ConfigReader(providers: providers)
    }

    func string(_ key: String) -> String? {
        reader.string(forKey: ConfigKey([key])) ?? reader.int(forKey: ConfigKey([key])).map(String.init)
    }

    func string(_ key: String, default value: String) -> String { string(key) ?? value }

    /// - Throws: `configuration_invalid` when it is missing.
    func required(_ key: String) throws(BerthError) -> String {
        guard let value = string(key), !value.isEmpty else {
            let variable = "BERTH_" + key.uppercased().replacingOccurrences(of: "-", with: "_")
            throw BerthError(.configurationInvalid, "The setting “\(key)” is missing. Give --\(key), \(variable), or put it into the file of --config.")
        }
        return value
    }

    /// - Throws: `configuration_invalid` when it is no number of the range.
    func int(_ key: String, in range: ClosedRange<Int>, default value: Int) throws(BerthError) -> Int {
        guard let text = string(key) else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw BerthError(
                .configurationInvalid,
                "“\(text)” is not possible for “\(key)”: give a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// - Throws: `configuration_invalid` when it is neither `true` nor `false`.
    func flag(_ key: String, default value: Bool) throws(BerthError) -> Bool {
        guard let text = string(key) else { return value }
        guard let flag = Bool(text) else {
            throw BerthError(.configurationInvalid, "“\(text)” is not possible for “\(key)”: give true or false.")
        }
        return flag
    }

    func milliseconds(_ key: String, in range: ClosedRange<Int>, default value: Duration) throws(BerthError) -> Duration {
        .milliseconds(try int(key, in: range, default: Int(value.milliseconds)))
    }

    /// - Throws: `configuration_invalid`.
    func logOutput() throws(BerthError) -> LogOutput {
        let level = string("log-level", default: "info"), format = string("log-format", default: "text")
        guard let parsedLevel = Logger.Level(rawValue: level) else {
            throw BerthError(.configurationInvalid, "“\(level)” is no log level. Use trace, debug, info, notice, warning or error.")
        }
        guard let parsedFormat = LogFormat(rawValue: format) else {
            throw BerthError(.configurationInvalid, "“\(format)” is no log format. Use text or json.")
        }
        return LogOutput(format: parsedFormat, level: parsedLevel)
    }

    /// - Throws: `configuration_invalid`.
    func listenAddress(default value: String) throws(BerthError) -> ListenAddress {
        try ListenAddress(string("listen", default: value))
    }
}

/// `host:port`, where an IPv6 address is in brackets.
struct ListenAddress: Sendable, Hashable {
    var host: String
    var port: Int

    /// - Throws: `configuration_invalid`.
    init(_ text: String) throws(BerthError) {
        guard let colon = text.lastIndex(of: ":"), text[colon...].dropFirst().utf8.allSatisfy(Self.isDigit),
            let port = UInt16(text[colon...].dropFirst()), let host = Self.host(text[..<colon])
        else {
            throw BerthError(.configurationInvalid, "“\(text)” is no address to listen on. Give host:port, for instance 127.0.0.1:8080.")
        }
        self.host = host
        self.port = Int(port)
    }

    /// An IPv6 address in brackets, or a name or IPv4 address; nothing stands for all addresses.
    private static func host(_ text: Substring) -> String? {
        if text.hasPrefix("[") && text.hasSuffix("]") {
            let inside = String(text.dropFirst().dropLast())
            var address = in6_addr()
            return inet_pton(AF_INET6, inside, &address) == 1 ? inside : nil
        }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: isDigit(byte)
            }
        }
        return isName ? (text.isEmpty ? "0.0.0.0" : String(text)) : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// Where others reach a process that listens here.
    ///
    /// - Throws: `configuration_invalid` for an address that means "any" and says nothing to others.
    func advertised(_ given: String?, port: Int) throws(BerthError) -> String {
        if let given { return given.hasSuffix("/") ? String(given.dropLast()) : given }
        guard !["0.0.0.0", "::"].contains(host) else {
            throw BerthError(
                .configurationInvalid,
                "Others cannot reach this process at \(host). Give --advertise http://<its name or address>:\(port).")
        }
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
