import CDuckDB

/// A type of DuckDB's, with what is needed to read and to name it.
final class DuckDBType {
    /// Source: `duckdb_type` in `duckdb.h`.
    enum ID: Int32 {
        case boolean = 1, tinyint, smallint, integer, bigint, utinyint, usmallint, uinteger, ubigint, float, double
        case timestamp = 12, date, time, interval, hugeint, varchar, blob, decimal, timestampS, timestampMS, timestampNS
        case `enum` = 23, list, `struct`, map, uuid, union, bit, timeTZ, timestampTZ, uhugeint, array
        case bignum = 35
        case null = 36
        case timeNS = 39, geometry, variant, timestampTZNS
    }

    /// `nil` for a type nobody here knows.
    let id: ID?
    private let number: Int32
    /// As DuckDB's `typeof` has it: `DECIMAL(18,3)`, `INTEGER[]`, `STRUCT(a INTEGER)`.
    let name: String
    /// DECIMAL: digits in all, and after the point.
    private(set) var width = 0
    private(set) var scale = 0
    /// ENUM: its values, and the unsigned integer type their numbers have.
    private(set) var dictionary: [String] = []
    private(set) var numbers = ID.utinyint
    /// The element of LIST and ARRAY; key and value of MAP; the fields of STRUCT; the members of UNION.
    private(set) var children: [(name: String, type: DuckDBType)] = []
    private(set) var arraySize = 0
    /// GEOMETRY: the system its coordinates are in; empty when it does not say.
    private var system = ""

    /// - Parameter logical: is destroyed.
    init(taking logical: duckdb_logical_type?, library: DuckDBLibrary) {
        let api = library.api
        number = api.get_type_id(logical)
        let id = ID(rawValue: number)
        self.id = id
        var children: [(name: String, type: DuckDBType)] = []
        func add(_ name: String, _ type: duckdb_logical_type?) { children.append((name, DuckDBType(taking: type, library: library))) }
        switch id {
        case .decimal: (width, scale) = (Int(api.decimal_width(logical)), Int(api.decimal_scale(logical)))
        case .enum:
            dictionary = (0..<api.enum_dictionary_size(logical)).map { library.take(api.enum_dictionary_value(logical, idx_t($0))) }
            numbers = ID(rawValue: api.enum_internal_type(logical)) ?? .utinyint
        case .list: add("", api.list_type_child_type(logical))
        case .array:
            add("", api.array_type_child_type(logical))
            arraySize = Int(api.array_type_array_size(logical))
        case .map:
            add("key", api.map_type_key_type(logical))
            add("value", api.map_type_value_type(logical))
        case .struct:
            for index in 0..<api.struct_type_child_count(logical) {
                add(library.take(api.struct_type_child_name(logical, index)), api.struct_type_child_type(logical, index))
            }
        case .union:
            for index in 0..<api.union_type_member_count(logical) {
                add(library.take(api.union_type_member_name(logical, index)), api.union_type_member_type(logical, index))
            }
        default: break
        }
        self.children = children
        if id == .geometry { system = library.take(api.geometry_type_get_crs(logical)) }
        // JSON is a VARCHAR by another name; so are types made by CREATE TYPE.
        let alias = library.take(api.logical_type_get_alias(logical))
        isJSON = alias == "JSON"
        name = alias.isEmpty
            ? Self.name(id, number, (width, scale), dictionary, children, arraySize, system) : alias
        var logical = logical
        api.destroy_logical_type(&logical)
    }

    let isJSON: Bool

    /// STRUCT: its fields have no names, so that it is answered as a list.
    var isTuple: Bool { id == .struct && Self.isTuple(children) }

    private static func isTuple(_ fields: [(name: String, type: DuckDBType)]) -> Bool {
        !fields.isEmpty && fields.allSatisfy(\.name.isEmpty)
    }

    /// A plan does not know it: it depends on an argument.
    var isUndecided: Bool { number == 0 }

    /// Its values can be read in place, and those inside it. The others have no layout that DuckDB documents: it makes texts of
    /// them itself.
    var isReadable: Bool {
        switch id {
        case nil, .bignum, .geometry, .variant: false
        default: children.allSatisfy(\.type.isReadable)
        }
    }

    private static func name(
        _ id: ID?, _ number: Int32, _ decimal: (Int, Int), _ dictionary: [String], _ children: [(name: String, type: DuckDBType)],
        _ arraySize: Int, _ system: String
    ) -> String {
        func fields() -> String { children.map { "\(quoted($0.name)) \($0.type.name)" }.joined(separator: ", ") }
        switch id {
        case .decimal: return "DECIMAL(\(decimal.0),\(decimal.1))"
        case .enum:
            return "ENUM(" + dictionary.map(SQLName.literal).joined(separator: ", ") + ")"
        case .list: return children[0].type.name + "[]"
        case .array: return children[0].type.name + "[\(arraySize)]"
        case .map: return "MAP(\(children[0].type.name), \(children[1].type.name))"
        case .struct where children.isEmpty: return "STRUCT"
        case .struct where isTuple(children): return "TUPLE(\(children.map(\.type.name).joined(separator: ", ")))"
        case .struct: return "STRUCT(\(fields()))"
        case .union: return "UNION(\(fields()))"
        case .timestampS: return "TIMESTAMP_S"
        case .timestampMS: return "TIMESTAMP_MS"
        case .timestampNS: return "TIMESTAMP_NS"
        case .timeTZ: return "TIME WITH TIME ZONE"
        case .timestampTZ: return "TIMESTAMP WITH TIME ZONE"
        case .timeNS: return "TIME_NS"
        case .timestampTZNS: return "TIMESTAMPTZ_NS"
        case .geometry where !system.isEmpty: return "GEOMETRY(\(SQLName.literal(system)))"
        case .null: return "\"NULL\""
        case let id?: return "\(id)".uppercased()
        case nil: return "UNKNOWN (\(number))"
        }
    }

    /// A field's name as DuckDB writes it, apart from keywords, which DuckDB quotes as well.
    private static func quoted(_ name: String) -> String {
        let isPlain = name.first.map { $0.isLetter || $0 == "_" } ?? false
            && name.utf8.allSatisfy { ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 || $0 >= 48 && $0 <= 57 || $0 == 95 }
        return isPlain ? name : SQLName.quoted(name)
    }
}

/// A column of a result.
struct DuckDBColumn {
    let name: String
    let type: DuckDBType
}
