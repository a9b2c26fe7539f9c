import AdminAPI
import Foundation

/// Resources as the API would send them.
enum Samples {
    static func decode<Resource: Decodable>(_ json: String) -> Resource {
        // A sample that does not decode is a fault of the test.
        do { return try ResourceCoding.decoder().decode(Resource.self, from: Data(json.utf8)) } catch {
            fatalError("\(error)")
        }
    }

    static var shop: DatabaseResource {
        decode("""
            {"id": "0190b7a0-0000-7000-8000-000000000001", "name": "shop", "engine": "sqlite", "durability": "local", "foreign_keys": true,
             "created_at": "2026-01-31T12:00:00.000Z", "placed_on": "node-2", "leader": "node-1",
             "leader_address": "http://127.0.0.1:7081", "epoch": 3, "head": {"seq": 12, "checksum": "00000000000000ff"},
             "ship_lag_ms": 1250, "state": "unopenable", "verified": {"seq": 9, "at": "2026-01-31T11:00:00.000Z"},
             "unopenable": {"seq": 12, "code": "DUCKDB_CATALOG", "reason": "a log", "since": "2026-01-31T12:30:00.000Z", "opens_seq": 11}}
            """)
    }

    static var idle: DatabaseResource {
        decode("""
            {"id": "0190b7a0-0000-7000-8000-000000000002", "name": "a-very-long-name", "engine": "sqlite",
             "durability": "bucket", "foreign_keys": false, "created_at": "2026-01-31T12:00:00.000Z", "placed_on": "node-2", "leader": null,
             "leader_address": null, "epoch": 0, "head": {"seq": 0, "checksum": "0000000000000000"}, "ship_lag_ms": null,
             "state": "unled", "unopenable": null, "verified": null}
            """)
    }

    static var operation: OperationResource {
        decode("""
            {"id": "0190b7a0-0000-7000-8000-00000000000a", "kind": "drain", "database": null, "node": "node-1",
             "state": "running", "done": 3, "total": 12, "cancel_requested": false, "error": null,
             "created_at": "2026-01-31T12:00:00.000Z", "updated_at": "2026-01-31T12:00:01.000Z", "finished_at": null}
            """)
    }
}
