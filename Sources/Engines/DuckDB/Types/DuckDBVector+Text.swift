import CDuckDB

extension DuckDBVector {
    /// The text of a value that is not NULL: DuckDB's own, as in `CAST(x AS VARCHAR)`; of nested types their JSON.
    func text(_ row: Int) -> String {
        switch type.id {
        case .varchar: withBytes(row) { String(decoding: $0, as: UTF8.self) }
        case .boolean: load(row, as: UInt8.self) != 0 ? "true" : "false"
        case .tinyint: "\(load(row, as: Int8.self))"
        case .smallint: "\(load(row, as: Int16.self))"
        case .integer: "\(load(row, as: Int32.self))"
        case .bigint: "\(load(row, as: Int64.self))"
        case .utinyint: "\(load(row, as: UInt8.self))"
        case .usmallint: "\(load(row, as: UInt16.self))"
        case .uinteger: "\(load(row, as: UInt32.self))"
        case .ubigint: "\(load(row, as: UInt64.self))"
        case .hugeint: "\(load(row, as: Int128.self))"
        case .uhugeint: "\(load(row, as: UInt128.self))"
        case .float: "\(load(row, as: Float.self))"
        case .double: "\(load(row, as: Double.self))"
        case .decimal: NumberText.decimal(unscaled(row), scale: type.scale)
        case .date: CalendarText.date(days: load(row))
        case .time: CalendarText.time(load(row), perSecond: 1_000_000)
        case .timeNS: CalendarText.time(load(row), perSecond: 1_000_000_000)
        case .timeTZ: CalendarText.timeWithZone(load(row))
        case .timestamp: CalendarText.timestamp(load(row), perSecond: 1_000_000)
        case .timestampS: CalendarText.timestamp(load(row), perSecond: 1)
        case .timestampMS: CalendarText.timestamp(load(row), perSecond: 1_000)
        case .timestampNS: CalendarText.timestamp(load(row), perSecond: 1_000_000_000)
        case .timestampTZ: CalendarText.timestampInUTC(load(row), perSecond: 1_000_000)
        case .timestampTZNS: CalendarText.timestampInUTC(load(row), perSecond: 1_000_000_000)
        case .interval: CalendarText.interval(load(row))
        case .uuid: NumberText.uuid(load(row))
        case .bit: withBytes(row) { NumberText.bits($0) }
        case .blob: withBytes(row) { NumberText.blob($0) }
        case .enum: type.dictionary[enumNumber(row)]
        case .list, .array, .struct, .map, .union: json(row)
        // Never asked for: see `DuckDBType.isReadable`.
        case .null, .bignum, .geometry, .variant, nil: ""
        }
    }

    /// The integer behind a DECIMAL, as wide as its digits need.
    private func unscaled(_ row: Int) -> Int128 {
        switch type.width {
        case ...4: Int128(load(row, as: Int16.self))
        case ...9: Int128(load(row, as: Int32.self))
        case ...18: Int128(load(row, as: Int64.self))
        default: load(row, as: Int128.self)
        }
    }
}
