import NIOCore
import Testing

@testable import Door

struct ConnectionBookTests {
    private static let second = UInt64(1_000_000_000)

    private func limits(_ connections: Int, perAddress: Int) -> DoorLimits {
        var limits = DoorLimits()
        (limits.connections, limits.connectionsPerAddress, limits.spared) = (connections, perAddress, .seconds(30))
        return limits
    }

    private func address(_ number: UInt32) -> ClientAddress { ClientAddress(version4: number) }

    /// `enter`, in short.
    private func enter(
        _ book: inout ConnectionBook<Int, Standing>, _ id: Int, from number: UInt32, at now: UInt64 = 100 * second,
        _ standing: Standing = .busy
    ) -> String {
        switch book.enter(id, standing, from: address(number), at: now, standing: { $0 }) {
        case .enters: "enters"
        case .replaces(let gone): "replaces \(gone)"
        case .refused(let shortage): "refused \(shortage)"
        }
    }

    @Test func thereIsRoomForSoManyOfOneAddressAndSoManyInAll() {
        var book = ConnectionBook<Int, Standing>(limits(3, perAddress: 2))
        #expect(enter(&book, 1, from: 1) == "enters")
        #expect(enter(&book, 2, from: 1) == "enters")
        #expect(enter(&book, 3, from: 1) == "refused address")
        #expect(enter(&book, 4, from: 2) == "enters")
        #expect(enter(&book, 5, from: 3) == "refused connections")
        book.leave(1)
        book.leave(1)
        #expect(book.count == 2)
        #expect(enter(&book, 5, from: 3) == "enters")
        #expect(enter(&book, 6, from: 1) == "refused connections")
    }

    @Test func theStrangerThatWaitsLongestGivesWay() {
        var book = ConnectionBook<Int, Standing>(limits(4, perAddress: 4))
        let (long, short) = (Standing.waits(since: 50 * Self.second, isKnown: false), Standing.waits(since: 60 * Self.second, isKnown: false))
        _ = enter(&book, 1, from: 1, .busy)
        _ = enter(&book, 2, from: 1, short)
        _ = enter(&book, 3, from: 2, long)
        _ = enter(&book, 4, from: 3, .waits(since: 1, isKnown: true))
        #expect(enter(&book, 5, from: 4) == "replaces \(long)")
        #expect(enter(&book, 6, from: 4) == "replaces \(short)")
        // Only then one whose token was accepted, and one that answers never.
        #expect(enter(&book, 7, from: 4) == "replaces \(Standing.waits(since: 1, isKnown: true))")
        #expect(enter(&book, 8, from: 4) == "refused connections")
        #expect(book.count == 4)
    }

    @Test func aKnownConnectionIsSparedWhileARequestMayBeOnItsWay() {
        var book = ConnectionBook<Int, Standing>(limits(1, perAddress: 1))
        _ = enter(&book, 1, from: 1, .waits(since: 71 * Self.second, isKnown: true))
        #expect(enter(&book, 2, from: 2, at: 100 * Self.second) == "refused connections")
        #expect(enter(&book, 2, from: 2, at: 101 * Self.second).hasPrefix("replaces"))
    }

    @Test func anAddressMakesRoomAmongItsOwn() {
        var book = ConnectionBook<Int, Standing>(limits(10, perAddress: 2))
        let other = Standing.waits(since: 1, isKnown: false), own = Standing.waits(since: 2, isKnown: false)
        _ = enter(&book, 1, from: 1, other)
        _ = enter(&book, 2, from: 2, own)
        _ = enter(&book, 3, from: 2)
        #expect(enter(&book, 4, from: 2) == "replaces \(own)")
        #expect(enter(&book, 5, from: 2) == "refused address")
        #expect(book.count == 3)
    }

    @Test func ofVersion6OneCustomerCountsAsOne() throws {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.replaceSubrange(0..<8, with: [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 7])
        let one = ClientAddress(version6: bytes)
        bytes[15] = 9
        #expect(ClientAddress(version6: bytes) == one)
        bytes[7] = 8
        #expect(ClientAddress(version6: bytes) != one)
        #expect(ClientAddress(try SocketAddress(ipAddress: "2001:db8:0:7::1", port: 80)) == one)
        #expect(ClientAddress(try SocketAddress(ipAddress: "10.0.0.7", port: 80)) == ClientAddress(version4: 0x0A00_0007))
        #expect(ClientAddress(nil) == nil)
        // The same client, over a socket for both versions.
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 7]
        #expect(ClientAddress(version6: mapped) == ClientAddress(version4: 0x0A00_0007))
    }
}
