import Engines
import Foundation

/// Another process that writes to a database until it is killed: DuckDB's own Python module, which the library comes from.
///
/// Its files are what a node's are after `kill -9`, also in the middle of a checkpoint or of a large insert.
struct DuckDBVictim {
    /// `nil` when the library came from elsewhere.
    static var python: String? {
        guard let library = try? DuckDBLibrary.load() else { return nil }
        let path = URL(fileURLWithPath: library.path).deletingLastPathComponent().path + "/duckdb-python/bin/python3"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    private static let script = """
        import duckdb, sys, random
        random.seed(int(sys.argv[2]))
        c = duckdb.connect(sys.argv[1], config={'threads': sys.argv[3], 'async_threads': '0', 'checkpoint_threshold': '1000TiB',
            'auto_checkpoint_skip_wal_threshold': '9223372036854775807', 'storage_compatibility_version': 'v2.0.0'})
        c.execute('CREATE TABLE small (n BIGINT)')
        c.execute('CREATE TABLE large (batch BIGINT, x VARCHAR)')
        n = batch = 0
        while True:
            kind = random.choice(['small', 'small', 'large', 'load', 'checkpoint', 'delete'])
            print('begins', kind, flush=True)
            if kind == 'small':
                n += 1
                c.execute(f'INSERT INTO small VALUES ({n})')
                print('small', n, flush=True)
            elif kind == 'large':
                batch += 1
                c.execute(f"INSERT INTO large SELECT {batch}, 'row ' || hash(i) FROM range(250000) r(i)")
                print('large', batch, flush=True)
            elif kind == 'load':
                # What a loader does: row groups of one transaction, each inserted as it is full.
                batch += 1
                c.execute('BEGIN')
                for part in range(4):
                    c.execute(f"INSERT INTO large SELECT {batch}, 'row ' || hash(i) FROM range({part} * 62500, ({part} + 1) * 62500) r(i)")
                c.execute('COMMIT')
                print('large', batch, flush=True)
            elif kind == 'delete': c.execute('DELETE FROM large')
            else: c.execute('CHECKPOINT')
        """

    /// What the process said was done before it was killed.
    struct Report {
        var small = 0
        var large = 0
        /// What it was at when it died.
        var doing = ""
    }

    /// Runs the process and kills it a random moment after it has begun the `operation`th thing of its kind.
    static func run(_ python: String, on path: String, seed: UInt64, until kind: String, _ operation: Int, delay: UInt32, threads: Int) throws -> Report {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", script, path, "\(seed)", "\(threads)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var report = Report()
        var begun = 0
        var rest = ""
        var isKilled = false
        while true {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { break }
            rest += String(decoding: data, as: UTF8.self)
            while let end = rest.firstIndex(of: "\n") {
                let words = rest[..<end].split(separator: " ").map(String.init)
                rest = String(rest[rest.index(after: end)...])
                switch words[0] {
                case "small": report.small = Int(words[1]) ?? 0
                case "large": report.large = Int(words[1]) ?? 0
                default:
                    report.doing = words[1]
                    if words[1] == kind { begun += 1 }
                }
            }
            if begun >= operation && !isKilled {
                // A moment inside what it is doing now, another one with every seed.
                usleep(delay)
                kill(process.processIdentifier, SIGKILL)
                isKilled = true
            }
        }
        process.waitUntilExit()
        return report
    }
}
