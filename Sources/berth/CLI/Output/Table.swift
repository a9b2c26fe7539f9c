/// Rows under titles, aligned for people.
struct Table: Sendable {
    struct Column: Sendable {
        let title: String
        var isNumber = false
    }

    let columns: [Column]
    var rows: [[String]] = []

    init(_ columns: [Column], rows: [[String]] = []) {
        self.columns = columns
        self.rows = rows
    }

    /// One line per row, without spaces at its end.
    var text: String {
        let widths = columns.indices.map { column in
            rows.reduce(columns[column].title.count) { max($0, $1[column].count) }
        }
        return ([columns.map(\.title)] + rows).map { row in
            let line = columns.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return columns[column].isNumber ? padding + row[column] : row[column] + padding
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// Names and values of one thing, one per line.
    static func details(_ members: [(name: String, value: String)]) -> String {
        let width = members.reduce(0) { max($0, $1.name.count) }
        return members.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value
        }.joined(separator: "\n")
    }
}
