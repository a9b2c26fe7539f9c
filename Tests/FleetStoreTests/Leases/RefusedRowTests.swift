import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import Testing

/// What Postgres refuses because of a row, told from what it refuses altogether.
@Suite(.timeLimit(.minutes(2)))
struct RefusedRowTests {
    private func isEntryRefused(_ error: any Error) -> Bool {
        if case .entryRefused = error as? LeaseStoreError { true } else { false }
    }

    @Test func aSegmentThatIsInTheWayIsARefusedEntry() async throws {
        let stage = try await LeaseStage()
        let session = try await stage.session()
        let (fine, blocked) = (try await stage.lease(heldBy: session), try await stage.lease(heldBy: session))
        let store = stage.database.leaseStore("shipper")
        // A segment of its next number, as a row that somebody restored by hand.
        let connection = stage.observer
        let first = LeaseFixture.next(on: blocked)
        _ = try await store.publish(LeaseFixture.publication([first], by: session))
        _ = try await connection.query(
            "update leases set head_seq = 0, head_checksum = 0 where database = $1", [.id(blocked.database)])
        let entries = [LeaseFixture.next(on: fine), LeaseFixture.next(on: blocked)]
        await #expect { try await store.publish(LeaseFixture.publication(entries, by: session)) } throws: { isEntryRefused($0) }
        #expect(try await stage.row(fine.database).head == .origin, "nothing happened")
        // Without it the other is taken, and alone it is refused again.
        #expect(try await store.publish(LeaseFixture.publication([entries[0]], by: session)) == [fine.database])
        await #expect { try await store.publish(LeaseFixture.publication([entries[1]], by: session)) } throws: { isEntryRefused($0) }
    }

    @Test func aTriggersExceptionIsARefusedEntryAndAMissingRightIsNot() async throws {
        let stage = try await LeaseStage()
        let session = try await stage.session()
        let lease = try await stage.lease(heldBy: session)
        let store = stage.database.leaseStore("shipper")
        let connection = stage.observer
        let publication = LeaseFixture.publication([LeaseFixture.next(on: lease)], by: session)
        _ = try await connection.query("create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$")
        _ = try await connection.query("create trigger no before insert on segments for each row execute function no()")
        await #expect { try await store.publish(publication) } throws: { isEntryRefused($0) }
        _ = try await connection.query("drop trigger no on segments")
        _ = try await connection.query("alter table segments rename to elsewhere")
        await #expect { try await store.publish(publication) } throws: { error in
            if case .refused = error as? LeaseStoreError { true } else { false }
        }
        _ = try await connection.query("alter table elsewhere rename to segments")
        #expect(try await store.publish(publication) == [lease.database])
    }
}
