import BerthTestKit
import FleetModel

@testable import Hrana

/// Rows to be loaded, and the query that says how they are written.
enum LoadFuzz {
    static let targets = [
        rows("load-csv", "table=t&header=true", seeds: ["a,b\n1,\"x, \"\"y\"\"\"\r\n,\n", "a\n\"line\none\"\n"], words: ["\"", ",", "\n", "\r\n", "\"\""]),
        rows(
            "load-ndjson", "table=t&format=ndjson", seeds: ["[1,2.5,null]\n[\"x\",true,[1]]\n", "{\"a\":1}\n{\"a\":12345678901234567890}\n"],
            words: ["[", "]", "{", "}", "null", "\n", "1e5"]),
        FuzzTarget(
            "load-query", seeds: [Array("table=t&columns=a,b&format=csv&header=false&delimiter=%3B&null=NA".utf8)],
            words: ["table=", "columns=", "&", "=", "%", "%20", "ndjson"]
        ) { bytes in
            guard let query = String(validating: bytes, as: UTF8.self) else { return .refused }
            guard let options = try? LoadOptions(query: query) else { return .refused }
            try hold(!options.table.isEmpty && options.columns?.contains("") != true, "an empty name was accepted")
            return .accepted
        },
    ]

    private static func rows(_ name: String, _ query: String, seeds: [String], words: [String]) -> FuzzTarget {
        FuzzTarget(name, seeds: seeds.map { Array($0.utf8) }, words: words) { bytes in
            let options = try LoadOptions(query: query)
            let one = read(bytes, options, at: 1), many = read(bytes, options, at: 1000)
            try hold(one == many, "how many rows are asked for at a time makes a difference")
            guard let rows = one else { return .refused }
            try hold(Set(rows.map(\.count)).count <= 1, "rows of several lengths")
            return .accepted
        }
    }

    private static func read(_ bytes: [UInt8], _ options: LoadOptions, at a: Int) -> [[SQLValue]]? {
        do throws(BerthError) {
            var reader = try LoadRows(bytes, options)
            var all: [[SQLValue]] = []
            while true {
                let some = try reader.next(a)
                if some.isEmpty { return all }
                all += some
            }
        } catch { return nil }
    }
}
