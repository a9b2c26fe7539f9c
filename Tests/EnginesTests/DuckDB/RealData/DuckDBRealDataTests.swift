@testable import Engines
import FleetModel
import Foundation
import Testing

/// Data that others have made, loaded, queried, captured and restored; every value is what DuckDB's own Python module answers.
@Suite(.timeLimit(.minutes(2))) struct DuckDBRealDataTests {
    private static let tables = [
        VegaDatasets.Table(
            file: "cars.json", name: "cars",
            columns: [
                ("Name", "VARCHAR"), ("Miles_per_Gallon", "DOUBLE"), ("Cylinders", "UTINYINT"), ("Displacement", "DECIMAL(6,1)"), ("Horsepower", "SMALLINT"),
                ("Weight_in_lbs", "INTEGER"), ("Acceleration", "FLOAT"), ("Year", "DATE"), ("Origin", "ENUM('USA', 'Europe', 'Japan')"),
            ]),
        VegaDatasets.Table(
            file: "airports.csv", name: "airports",
            columns: [("iata", "VARCHAR PRIMARY KEY"), ("name", "VARCHAR"), ("city", "VARCHAR"), ("state", "VARCHAR"), ("country", "VARCHAR"), ("latitude", "DOUBLE"), ("longitude", "DOUBLE")]),
        VegaDatasets.Table(
            file: "seattle-weather.csv", name: "weather",
            columns: [("date", "DATE"), ("precipitation", "DECIMAL(5,1)"), ("temp_max", "DECIMAL(4,1)"), ("temp_min", "DECIMAL(4,1)"), ("wind", "DOUBLE"), ("weather", "VARCHAR")]),
        VegaDatasets.Table(file: "stocks.csv", name: "stocks", columns: [("symbol", "VARCHAR"), ("date", "VARCHAR"), ("price", "DECIMAL(9,2)")]),
        VegaDatasets.Table(file: "sf-temps.csv", name: "sf", columns: [("temp", "DOUBLE"), ("date", "TIMESTAMP")]),
        VegaDatasets.Table(file: "seattle-temps.csv", name: "seattle", columns: [("date", "TIMESTAMP"), ("temp", "DOUBLE")]),
        VegaDatasets.Table(
            file: "us-employment.csv", name: "employment",
            columns: [("month", "DATE"), ("nonfarm", "BIGINT"), ("construction", "INTEGER"), ("manufacturing", "HUGEINT"), ("nonfarm_change", "INTEGER")]),
        VegaDatasets.Table(
            file: "iris.json", name: "iris",
            columns: [("sepalLength", "DOUBLE"), ("sepalWidth", "DOUBLE"), ("petalLength", "DOUBLE"), ("petalWidth", "DOUBLE"), ("species", "VARCHAR")]),
        VegaDatasets.Table(
            file: "barley.json", name: "barley", columns: [("yield", "DOUBLE"), ("variety", "VARCHAR"), ("year", "USMALLINT"), ("site", "VARCHAR")]),
    ]

    private static let queries = [
        "SELECT * FROM cars ORDER BY Name, Year, Weight_in_lbs, Acceleration, Horsepower, Displacement",
        "SELECT * FROM weather ORDER BY date",
        "SELECT * FROM airports ORDER BY iata",
        "SELECT Origin, Cylinders, count(*), avg(Horsepower), sum(Weight_in_lbs), min(Displacement), max(Acceleration) FROM cars GROUP BY ALL ORDER BY ALL",
        "SELECT Origin, quantile_cont(Miles_per_Gallon, [0.1, 0.5, 0.9]), mode(Cylinders), stddev_samp(Horsepower) FROM cars GROUP BY Origin ORDER BY Origin",
        "SELECT year(date), month(date), sum(precipitation), median(temp_max), list(DISTINCT weather ORDER BY weather) FROM weather GROUP BY ALL ORDER BY ALL",
        """
        SELECT symbol, strptime(date, '%b %-d %Y')::DATE AS day, price, price - lag(price) OVER w, avg(price) OVER (w ROWS 2 PRECEDING), rank() OVER (PARTITION BY symbol ORDER BY price DESC, date)
        FROM stocks WINDOW w AS (PARTITION BY symbol ORDER BY strptime(date, '%b %-d %Y')) ORDER BY symbol, day
        """,
        "SELECT state, count(*) AS n, round(avg(latitude), 6), arg_max(name, latitude) FROM airports WHERE country = 'USA' GROUP BY state HAVING n > 50 ORDER BY n DESC, state",
        "SELECT s.date, s.temp, f.temp, s.temp - f.temp FROM seattle s JOIN sf f ON strftime(s.date, '%m-%d %H') = strftime(f.date, '%m-%d %H') ORDER BY 1, 2, 3 LIMIT 500",
        "SELECT date_trunc('quarter', month) AS q, max(nonfarm), sum(manufacturing), sum(nonfarm_change) FILTER (nonfarm_change < 0), dayname(min(month)) FROM employment GROUP BY q ORDER BY q",
        "SELECT species, corr(sepalLength, petalLength), regr_slope(petalWidth, petalLength), histogram(sepalWidth::INTEGER::VARCHAR) FROM iris GROUP BY species ORDER BY species",
        "PIVOT (SELECT site, year, yield FROM barley) ON year IN (1931, 1932) USING sum(yield) GROUP BY site ORDER BY site",
        "SELECT site, variety, yield, dense_rank() OVER (PARTITION BY site ORDER BY yield DESC) AS r FROM barley QUALIFY r <= 3 ORDER BY site, r, variety",
        "WITH RECURSIVE d(day) AS (SELECT DATE '2012-01-01' UNION ALL SELECT (day + INTERVAL 1 MONTH)::DATE FROM d WHERE day < DATE '2012-12-01') SELECT day, count(w.date), {'hot': max(temp_max), 'kinds': list(DISTINCT weather ORDER BY weather)} FROM d LEFT JOIN weather w ON date_trunc('month', w.date) = day GROUP BY day ORDER BY day",
        "SELECT c.Origin, a.state, count(*) FROM cars c ASOF JOIN (SELECT state, iata, latitude FROM airports WHERE state IS NOT NULL) a ON c.Horsepower <= a.latitude * 3 GROUP BY ALL ORDER BY ALL",
        "SELECT bool_and(precipitation >= 0), string_agg(DISTINCT weather, '|' ORDER BY weather), approx_count_distinct(1), bit_xor(month(date)) FROM weather",
    ]

    @Test(.enabled(if: VegaDatasets.directory != nil && DuckDBVictim.python != nil), arguments: [1, 4])
    func everyValueIsWhatDuckDBsOwnModuleAnswers(_ threads: Int) throws {
        let files = try #require(VegaDatasets.directory)
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("vega.db")) { $0.threads = threads }
        let connection = try database.takeConnection()
        for table in Self.tables {
            try connection.run(table.sql)
            let rows = try VegaDatasets.rows(table, in: files)
            let loader = try connection.load(into: table.name, columns: table.columns.map(\.name))
            for start in stride(from: 0, to: rows.count, by: 500) {
                try loader.append(Array(rows[start..<min(start + 500, rows.count)]), deadline: nil)
            }
            #expect(try loader.finish(deadline: nil) == Int64(rows.count) && rows.count > 50)
        }
        let expected = try VegaDatasets.answers(Self.queries, Self.tables, in: files, python: try #require(DuckDBVictim.python))
        let set = try #require(try database.capture()).pages
        let copy = try DuckDBDatabase(DuckDBReplica([set], in: directory).path, base: .restored) { $0.threads = threads }
        for client in [connection, try copy.takeConnection()] {
            for (query, answer) in zip(Self.queries, expected) {
                let cursor = try client.open(query)
                let rows = try client.all(cursor)
                #expect(rows.count == answer.count && !rows.isEmpty, "\(query)")
                let wrong = zip(rows, answer).first { !zip($0, $1).allSatisfy(Self.isSame) || $0.count != $1.count }
                #expect(wrong == nil, "\(query)")
            }
        }
    }

    /// JSON knows no difference between 1 and 1.0; sums of several threads may differ in the last bits.
    private static func isSame(_ value: SQLValue, _ expected: SQLValue) -> Bool {
        func real(_ value: SQLValue) -> Double? {
            switch value {
            case .integer(let integer): Double(integer)
            case .real(let real): real
            default: nil
            }
        }
        guard let one = real(value), let other = real(expected) else { return value == expected || isSameList(value, expected) }
        if case .integer = value, case .integer = expected { return value == expected }
        return one == other || abs(one - other) <= 1e-12 * max(abs(one), abs(other))
    }

    /// Numbers inside JSON as numbers: Python writes `1.0` where DuckDB does.
    private static func isSameList(_ value: SQLValue, _ expected: SQLValue) -> Bool {
        guard case .text(let one) = value, case .text(let other) = expected, one.first == "[" || one.first == "{",
            let first = try? JSONSerialization.jsonObject(with: Data(one.utf8)) as? NSObject,
            let second = try? JSONSerialization.jsonObject(with: Data(other.utf8)) as? NSObject
        else { return false }
        return first == second
    }
}
