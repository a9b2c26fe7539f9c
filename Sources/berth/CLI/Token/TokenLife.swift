import ArgumentParser

/// How long a token is valid, on the command line: `90`, `90s`, `15m`, `24h`, `7d`.
struct TokenLife: ExpressibleByArgument, Sendable, Hashable {
    let seconds: Int64

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = argument.last.flatMap { units[$0] }
        guard let count = Int64(unit == nil ? argument[...] : argument.dropLast()), count > 0,
            case let (seconds, overflow) = count.multipliedReportingOverflow(by: unit ?? 1), !overflow
        else { return nil }
        self.seconds = seconds
    }
}
