import BerthTestKit
import FleetStore
import LocalFleet
import Testing

@Suite(.timeLimit(.minutes(2)))
struct PostgresListenerTests {
    @Test func hearsItsChannelsOnly() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        let listener = PostgresListener(
            url: try PostgresURL(conninfo), channels: ["routes", "odd \"name"], applicationName: "listener", logger: .silent)
        var heard = await listener.notifications().makeAsyncIterator()
        #expect(await heard.next() == .listening)
        _ = try await connection.query("SELECT pg_notify('elsewhere', 'x'), pg_notify('routes', 'a'), pg_notify('odd \"name', 'ü')")
        #expect(await heard.next() == .message(channel: "routes", payload: "a"))
        #expect(await heard.next() == .message(channel: "odd \"name", payload: "ü"))
        await listener.close()
        #expect(await heard.next() == nil)
        try await waitUntil(connection, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'listener' AND datname = current_database()")
        var late = await listener.notifications().makeAsyncIterator()
        #expect(await late.next() == nil)
    }

    @Test func saysThatItMayHaveMissedSome() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        let listener = PostgresListener(
            url: try PostgresURL(conninfo), channels: ["c"], applicationName: "listener", logger: .silent)
        var heard = await listener.notifications().makeAsyncIterator()
        #expect(await heard.next() == .listening)
        for _ in 0..<3 {
            _ = try await connection.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'listener' AND datname = current_database()
                """)
            #expect(await heard.next() == .reconnected)
            _ = try await connection.query("SELECT pg_notify('c', 'again')")
            #expect(await heard.next() == .message(channel: "c", payload: "again"))
        }
        await listener.close()
    }

    @Test func survivesTheServer() async throws {
        try await DisposablePostgres.run { server in
            let url = try PostgresURL(server.conninfo())
            let listener = PostgresListener(url: url, channels: ["c"], applicationName: "listener", logger: .silent)
            var heard = await listener.notifications().makeAsyncIterator()
            #expect(await heard.next() == .listening)
            await server.kill()
            try await server.start()
            #expect(await heard.next() == .reconnected)
            let connection = try connect(server.conninfo())
            _ = try await connection.query("SELECT pg_notify('c', 'back')")
            #expect(await heard.next() == .message(channel: "c", payload: "back"))
            await listener.close()
        }
    }

    @Test func aConsumerThatFellBehindIsTold() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let connection = try connect(conninfo)
        let listener = PostgresListener(
            url: try PostgresURL(conninfo), channels: ["c"], applicationName: "listener", logger: .silent)
        let slow = await listener.notifications()
        var quick = await listener.notifications().makeAsyncIterator()
        _ = try await connection.query("SELECT pg_notify('c', n::text) FROM generate_series(1, 6000) n")
        while let next = await quick.next(), next != .message(channel: "c", payload: "6000") {}
        await listener.close()
        var last: PostgresNotification?
        var count = 0
        for await notification in slow {
            count += 1
            last = notification
        }
        #expect(last == .reconnected)
        #expect(count < 6000)
    }

    @Test func droppingTheListenerEndsItsStreams() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        var listener: PostgresListener? = PostgresListener(
            url: try PostgresURL(conninfo), channels: ["c"], applicationName: "listener", logger: .silent)
        var heard = await listener?.notifications().makeAsyncIterator()
        #expect(await heard?.next() == .listening)
        listener = nil
        while await heard?.next() != nil {}
        let connection = try connect(conninfo)
        try await waitUntil(connection, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'listener' AND datname = current_database()")
    }
}
