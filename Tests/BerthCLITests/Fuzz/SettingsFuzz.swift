import BerthTestKit
import FleetModel
import Foundation

@testable import berth

/// Addresses to listen on and `dev.json`.
enum SettingsFuzz {
    static let all = [listen, devFile]

    private static let listen = FuzzTarget.text(
        "listen-address", seeds: ["127.0.0.1:8080", "[::1]:0", ":80", "node-1.example:65535", "0.0.0.0:1"],
        words: [":", "[", "]", "::", "65536", "+1", "-1", " ", "٣", "\u{301}"]
    ) { text in
        let address: ListenAddress
        do throws(BerthError) { address = try ListenAddress(text) } catch {
            try hold(error.code == .configurationInvalid, "refused as \(error.code)")
            return .refused
        }
        try hold((0...65535).contains(address.port) && !address.host.isEmpty, "it is read as \(address)")
        let written = "\(address.host.contains(":") ? "[\(address.host)]" : address.host):\(address.port)"
        try hold(try ListenAddress(written) == address, "written as \(written) it is another")
        if let advertised = try? address.advertised(nil, port: max(1, address.port)) {
            let host = URL(string: advertised)?.host
            try hold(host?.filter { $0 != "[" && $0 != "]" } == address.host, "it is advertised as \(advertised)")
        }
        return .accepted
    }

    private static let devFile = FuzzTarget.text(
        "dev-json",
        seeds: [
            #"{"manager":"http://127.0.0.1:7070","gateway":"http://127.0.0.1:1","token":"t","nodes":[{"name":"n","url":"http://h","pid":1,"supervisor_pid":2}]}"#,
        ], words: [#""pid":"#, "null", "{", "}", "[]", "\\u0000"]
    ) { text in
        guard let file = try? JSONDecoder().decode(DevFleetFile.self, from: Data(text.utf8)) else { return .refused }
        try hold(try JSONDecoder().decode(DevFleetFile.self, from: JSONEncoder().encode(file)) == file, "written and read it differs")
        return .accepted
    }
}
