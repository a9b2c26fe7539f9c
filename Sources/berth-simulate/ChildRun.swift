import Foundation

/// One schedule in a process of its own: nothing that an earlier schedule left behind can reach it.
struct ChildRun: Sendable {
    let seed: UInt64
    let output: String
    /// `nil` when the process came to no end.
    let report: ScheduleReport?

    init(seed: UInt64, _ schedule: ScheduleOptions) {
        self.seed = seed
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--seed", "\(seed)", "--alone"] + schedule.arguments
        // Sets and dictionaries must come in the same order in every process.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_DETERMINISTIC_HASHING": "1"]) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        do {
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            output = String(decoding: data, as: UTF8.self)
        } catch {
            output = "The schedule could not be started: \(error)\n"
        }
        report = output.split(separator: "\n").last.flatMap { try? JSONDecoder().decode(ScheduleReport.self, from: Data($0.utf8)) }
    }
}
