import FleetModel
import Hrana
import Routing

/// The body of a 421 answer: an error like any other, plus `leader`, `address` and `epoch`.
enum NotLeaderBody {
    static func encode(_ error: BerthError, hint: NotLeaderHint) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.literal(#"{"message":"#)
        writer.string(error.message)
        writer.literal(#","code":"#)
        writer.string(error.code.rawValue)
        writer.literal(#","error":"#)
        writer.string(error.message)
        writer.literal(#","leader":"#)
        writer.string(hint.leader?.description)
        writer.literal(#","address":"#)
        writer.string(hint.address)
        writer.literal(#","epoch":"#)
        writer.integer(hint.epoch.value)
        writer.literal("}")
        return writer.bytes
    }

    /// The code of an error body and, if it is there, who leads; `nil` when it is no error body of Berth.
    static func decode(_ body: [UInt8]) -> (code: BerthError.Code, hint: NotLeaderHint?)? {
        var reader = JSONReader(body)
        var code: BerthError.Code?
        var leader: NodeName?
        var address: String?
        var epoch: Int64?
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "code": code = BerthError.Code(rawValue: try reader.readString())
                case "leader": if try !reader.readNull() { leader = try? NodeName(try reader.readString()) }
                case "address": if try !reader.readNull() { address = try reader.readString() }
                case "epoch": epoch = try reader.readInteger()
                default: try reader.skipValue()
                }
            }
            try reader.finish()
        } catch {
            return nil
        }
        guard let code else { return nil }
        return (code, epoch.map { NotLeaderHint(leader: leader, address: address, epoch: Epoch($0)) })
    }
}
