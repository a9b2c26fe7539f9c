import Engines
import FleetModel
import Foundation

/// The data sets that come with PyPI's `vega_datasets`, and DuckDB's own Python module, which is asked the same questions.
struct VegaDatasets {
    /// Where the files lie; `nil` when the package is not installed for the `python3` that `BERTH_PYTHON` names.
    static let directory: String? = {
        guard let python = ProcessInfo.processInfo.environment["BERTH_PYTHON"] else { return nil }
        let path = try? run(python, ["-c", "import vega_datasets, os; print(os.path.dirname(vega_datasets.__file__) + '/_data', end='')"], input: "")
        return path.flatMap { FileManager.default.fileExists(atPath: $0 + "/cars.json") ? $0 : nil }
    }()

    /// A file and the table its rows go into.
    struct Table {
        var file: String
        var name: String
        /// As in CREATE TABLE: a name and a type each; the file has the same names.
        var columns: [(name: String, type: String)]

        var sql: String { "CREATE TABLE \(name) (\(columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")))" }
    }

    /// The rows of a file, in its columns' order: numbers of JSON as numbers, everything of CSV as text.
    static func rows(_ table: Table, in directory: String) throws -> [[SQLValue]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + table.file))
        if table.file.hasSuffix(".json") {
            return try JSONDecoder().decode([[String: Field]].self, from: data).map { row in
                table.columns.map { row[$0.name]?.value ?? .null }
            }
        }
        let lines = CSV.lines(String(decoding: data, as: UTF8.self))
        let places = table.columns.map { lines[0].firstIndex(of: $0.name) }
        return lines.dropFirst().map { line in
            places.map { place in place.map { line[$0].isEmpty ? .null : .text(line[$0]) } ?? .null }
        }
    }

    private struct Field: Decodable {
        var value: SQLValue

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() { value = .null }
            else if let integer = try? container.decode(Int64.self) { value = .integer(integer) }
            else if let real = try? container.decode(Double.self) { value = .real(real) }
            else { value = .text(try container.decode(String.self)) }
        }
    }

    /// What the Python module answers to `queries` after it has read the same files by its own means.
    static func answers(_ queries: [String], _ tables: [Table], in directory: String, python: String) throws -> [[[SQLValue]]] {
        let question = Question(
            directory: directory, queries: queries,
            tables: tables.map { Question.Table(file: $0.file, name: $0.name, sql: $0.sql, columns: $0.columns.map(\.name)) })
        let input = String(decoding: try JSONEncoder().encode(question), as: UTF8.self)
        let output = try run(python, ["-c", script], input: input)
        return try JSONDecoder().decode([[[Field]]].self, from: Data(output.utf8)).map { $0.map { $0.map(\.value) } }
    }

    private struct Question: Encodable {
        struct Table: Encodable { var file, name, sql: String; var columns: [String] }
        var directory: String
        var queries: [String]
        var tables: [Table]
    }

    /// Values of Python's own types, written as Berth writes those of DuckDB.
    private static let script = """
        import datetime, decimal, duckdb, json, sys
        question = json.load(sys.stdin)
        c = duckdb.connect(config={'threads': '1'})
        for t in question['tables']:
            c.execute(t['sql'])
            path = question['directory'] + '/' + t['file']
            source = (f"read_csv('{path}', all_varchar=true)" if path.endswith('.csv') else f"read_json('{path}', maximum_object_size=100000000)")
            names = ', '.join(t['columns'])
            c.execute(f"INSERT INTO {t['name']} ({names}) SELECT {names} FROM {source}")
        def plain(v, kind=''):
            if isinstance(v, bool): return int(v)
            if kind == 'HUGEINT' and v is not None: return str(v)
            if isinstance(v, decimal.Decimal): return str(v)
            if isinstance(v, datetime.datetime): return v.isoformat(' ')
            if isinstance(v, datetime.date): return v.isoformat()
            if isinstance(v, (list, dict)): return json.dumps(nested(v), separators=(',', ':'), ensure_ascii=False)
            return v
        def nested(v):
            if isinstance(v, list): return [nested(x) for x in v]
            if isinstance(v, dict): return {k: nested(x) for k, x in v.items()}
            if isinstance(v, decimal.Decimal): return float(v)
            return v if isinstance(v, (int, float, str, type(None))) else plain(v)
        def answer(query):
            rows = c.execute(query).fetchall()
            kinds = [str(d[1]) for d in c.description]
            return [[plain(v, kind) for v, kind in zip(row, kinds)] for row in rows]
        json.dump([answer(q) for q in question['queries']], sys.stdout)
        """

    private static func run(_ program: String, _ arguments: [String], input: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(program: program, status: process.terminationStatus) }
        return String(decoding: output, as: UTF8.self)
    }

    struct Failure: Error {
        var program: String
        var status: Int32
    }
}

/// Comma-separated values with quoted fields. Source: RFC 4180.
private enum CSV {
    static func lines(_ text: String) -> [[String]] {
        var lines: [[String]] = []
        var line: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        func end() -> String {
            defer { field.removeAll(keepingCapacity: true) }
            return String(decoding: field, as: UTF8.self)
        }
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\"") where isQuoted && index < bytes.count && bytes[index] == byte:
                field.append(byte)
                index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: line.append(end())
            case 0x0D where !isQuoted: break
            case 0x0A where !isQuoted:
                line.append(end())
                lines.append(line)
                line = []
            default: field.append(byte)
            }
        }
        if !line.isEmpty || !field.isEmpty { lines.append(line + [end()]) }
        return lines
    }
}
