import CDuckDB
import FleetModel

/// One column of a chunk, read in place. Valid as long as its chunk.
struct DuckDBVector {
    let type: DuckDBType
    private let data: UnsafeRawPointer?
    private let validity: UnsafePointer<UInt64>?
    let children: [DuckDBVector]

    init(_ vector: duckdb_vector?, _ type: DuckDBType, api: berth_duckdb_api) {
        self.type = type
        data = api.vector_get_data(vector).map { UnsafeRawPointer($0) }
        validity = api.vector_get_validity(vector).map { UnsafePointer($0) }
        switch type.id {
        case .list: children = [DuckDBVector(api.list_vector_get_child(vector), type.children[0].type, api: api)]
        case .array: children = [DuckDBVector(api.array_vector_get_child(vector), type.children[0].type, api: api)]
        case .map:
            // A list of structs of key and value.
            let entries = api.list_vector_get_child(vector)
            children = type.children.indices.map {
                DuckDBVector(api.struct_vector_get_child(entries, idx_t($0)), type.children[$0].type, api: api)
            }
        case .struct:
            children = type.children.indices.map {
                DuckDBVector(api.struct_vector_get_child(vector, idx_t($0)), type.children[$0].type, api: api)
            }
        case .union:
            // A struct whose first field is the number of the member.
            children = type.children.indices.map {
                DuckDBVector(api.struct_vector_get_child(vector, idx_t($0 + 1)), type.children[$0].type, api: api)
            }
            tags = api.vector_get_data(api.struct_vector_get_child(vector, 0)).map { UnsafeRawPointer($0) }
        default: children = []
        }
    }

    /// UNION: the numbers of the members.
    private var tags: UnsafeRawPointer?

    func isNull(_ row: Int) -> Bool {
        guard let validity else { return type.id == .null }
        return validity[row >> 6] & (1 << UInt64(row & 63)) == 0
    }

    /// The fixed-size value of a row.
    func load<Value: BitwiseCopyable>(_ row: Int, as type: Value.Type = Value.self) -> Value {
        guard let data else { brokenInvariant("a vector of fixed-size values has data") }
        return data.loadUnaligned(fromByteOffset: row * MemoryLayout<Value>.stride, as: Value.self)
    }

    /// The bytes of a text or a blob.
    func withBytes<Answer>(_ row: Int, _ body: (UnsafeRawBufferPointer) -> Answer) -> Answer {
        let value = load(row, as: duckdb_string_t.self)
        if value.length > Self.inlineBytes { return body(UnsafeRawBufferPointer(start: value.pointer, count: Int(value.length))) }
        // Behind the length, where longer ones have their prefix and pointer.
        return withUnsafeBytes(of: value) { body(UnsafeRawBufferPointer(rebasing: $0[4..<4 + Int(value.length)])) }
    }

    private static let inlineBytes: UInt32 = 12

    /// Where the elements of a LIST, MAP or ARRAY lie in the child.
    func elements(_ row: Int) -> Range<Int> {
        if type.id == .array { return row * type.arraySize..<(row + 1) * type.arraySize }
        let entry = load(row, as: duckdb_list_entry.self)
        return Int(entry.offset)..<Int(entry.offset + entry.length)
    }

    /// The member of a UNION that a row has.
    func member(_ row: Int) -> Int { tags.map { Int($0.load(fromByteOffset: row, as: UInt8.self)) } ?? 0 }

    /// The number of an ENUM's value.
    func enumNumber(_ row: Int) -> Int {
        switch type.numbers {
        case .usmallint: Int(load(row, as: UInt16.self))
        case .uinteger: Int(load(row, as: UInt32.self))
        default: Int(load(row, as: UInt8.self))
        }
    }

    /// Appends the value of a row as clients see it.
    func append(_ row: Int, to rows: inout RowWriter) {
        if isNull(row) { return rows.appendNull() }
        switch type.id {
        case .boolean: rows.append(load(row, as: UInt8.self) != 0 ? 1 as Int64 : 0)
        case .tinyint: rows.append(Int64(load(row, as: Int8.self)))
        case .smallint: rows.append(Int64(load(row, as: Int16.self)))
        case .integer: rows.append(Int64(load(row, as: Int32.self)))
        case .bigint: rows.append(load(row, as: Int64.self))
        case .utinyint: rows.append(Int64(load(row, as: UInt8.self)))
        case .usmallint: rows.append(Int64(load(row, as: UInt16.self)))
        case .uinteger: rows.append(Int64(load(row, as: UInt32.self)))
        case .ubigint:
            let value = load(row, as: UInt64.self)
            if let integer = Int64(exactly: value) { rows.append(integer) } else { rows.append(.text("\(value)")) }
        case .float: rows.append(Double(load(row, as: Float.self)))
        case .double: rows.append(load(row, as: Double.self))
        case .varchar: withBytes(row) { rows.append(text: $0) }
        case .blob: withBytes(row) { rows.append(blob: $0) }
        default: rows.append(.text(text(row)))
        }
    }
}
