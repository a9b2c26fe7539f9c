import BerthTestKit
import Foundation

/// Where libFuzzer keeps the inputs of one target, and what it begins with.
struct Corpus {
    /// Holds `inputs/` and `dictionary`.
    let folder: String

    func write(_ target: FuzzTarget) throws {
        try FileManager.default.createDirectory(atPath: folder + "/inputs", withIntermediateDirectories: true)
        for (number, seed) in target.seeds.enumerated() {
            try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/inputs/seed-\(number)"))
        }
        let words = target.words.enumerated().map { "word\($0)=\"\($1.map(Self.escaped).joined())\"\n" }
        try Data(words.joined().utf8).write(to: URL(fileURLWithPath: folder + "/dictionary"))
    }

    /// As AFL's dictionaries have it, which are libFuzzer's.
    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "\\x" + (byte < 16 ? "0" : "") + digits
    }
}
