import BerthTestKit
import Engines
import Foundation

/// The long form of fuzzing: libFuzzer drives the fuzz targets of the test suites. `ops/fuzz` builds and runs it.
///
/// `berth-fuzz list` names the targets; `berth-fuzz prepare <folder>` writes the seeds and the dictionary of the one that
/// `BERTH_FUZZ_TARGET` names; any other arguments are libFuzzer's own.
@main struct BerthFuzz {
    static let targets =
        AdminFuzzTargets.all + ChangesetFuzzTargets.all + GatewayFuzzTargets.all + HranaFuzzTargets.all
        + ObjectStoreFuzzTargets.all + StoreFuzzTargets.all + FrameFuzz.targets + [CopyMarkFuzz.target, CopyWatermarkFuzz.target, WALFuzz.target]

    /// libFuzzer's callback cannot capture anything.
    static let selected: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["BERTH_FUZZ_TARGET"] ?? ""
        guard let target = targets.first(where: { $0.name == name }) else {
            say("BERTH_FUZZ_TARGET is “\(name)”; there are: \(targets.map(\.name).joined(separator: " "))")
            exit(2)
        }
        return target
    }()

    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "list": for target in targets { print(target.name) }
        case "prepare":
            guard CommandLine.arguments.count == 3 else {
                say("usage: berth-fuzz prepare <folder>")
                exit(2)
            }
            try Corpus(folder: CommandLine.arguments[2]).write(selected)
        default: exit(LibFuzzer.run(check: check))
        }
    }

    private static func say(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

    /// Ends the process when something does not hold: that is what libFuzzer calls a crash, and keeps the input of.
    private static let check: LibFuzzer.Check = { data, count in
        let input = Array(UnsafeBufferPointer(start: data, count: count))
        do {
            _ = try selected.check(input)
            if let reseal = selected.reseal {
                var resealed = input
                reseal(&resealed)
                _ = try selected.check(resealed)
            }
        } catch {
            say("\n\(selected.name): \(error)")
            abort()
        }
        return 0
    }
}
