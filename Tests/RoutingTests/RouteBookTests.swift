import FleetModel
import FleetStore
import Testing

@testable import Routing

struct RouteBookTests {
    private let id = DatabaseID.random()

    @Test func aLowerEpochNeverReplacesAHigherOne() throws {
        var book = RouteBook(limits: RouteLimits())
        book.finish(book.beginLook(now: .seconds(1)), found: try record("shop", id: id, epoch: 5, node: "b"))
        let kept = book.finish(book.beginLook(now: .seconds(2)), found: try record("shop", id: id, epoch: 4, node: "a"))
        #expect(kept.epoch == Epoch(5) && kept.node?.description == "b")
    }

    @Test func epochsOnlyRiseWhateverArrives() throws {
        var generator = SplitMix(seed: 11)
        var book = RouteBook(limits: RouteLimits())
        var looks: [DatabaseName: RouteBook.Look] = [:]
        let shop = try name("shop")
        var highest = Epoch.zero
        for step in 0..<2000 {
            let epoch = Int64.random(in: 0...40, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: book.invalidate([id], looks: &looks)
            case 1: book.invalidateAll()
            case 2:
                _ = book.learn(NotLeaderHint(address: "http://x:1", epoch: Epoch(epoch)), about: shop)
            default:
                book.finish(
                    book.beginLook(now: .seconds(step)), found: try record("shop", id: id, epoch: epoch, node: "a"))
            }
            let now = book.entry(shop)?.record.epoch ?? .zero
            #expect(now >= highest)
            highest = max(highest, now)
        }
    }

    @Test func anotherDatabaseOfTheSameNameStartsAnew() throws {
        var book = RouteBook(limits: RouteLimits())
        book.finish(book.beginLook(now: .seconds(1)), found: try record("shop", id: id, epoch: 9, node: "a"))
        let other = DatabaseID.random()
        let found = book.finish(book.beginLook(now: .seconds(2)), found: try record("shop", id: other, epoch: 1, node: "b"))
        #expect(found.database == other)
        // The old identifier means nothing any more.
        var looks: [DatabaseName: RouteBook.Look] = [:]
        book.invalidate([id], looks: &looks)
        #expect(isKnown(book.answer(to: try name("shop"), now: .seconds(2))))
    }

    @Test func aHintDuringALookUpMakesItsResultStale() throws {
        var book = RouteBook(limits: RouteLimits())
        let shop = try name("shop")
        var looks = [shop: book.beginLook(now: .seconds(1))]
        book.invalidate([id], looks: &looks)
        book.finish(try #require(looks[shop]), found: try record("shop", id: id, epoch: 1, node: "a"))
        #expect(!isKnown(book.answer(to: shop, now: .seconds(1))))

        let look = book.beginLook(now: .seconds(2))
        book.invalidateAll()
        book.finish(look, found: try record("shop", id: id, epoch: 1, node: "a"))
        #expect(!isKnown(book.answer(to: shop, now: .seconds(2))))
    }

    @Test func aMissIsBelievedForASecond() throws {
        var book = RouteBook(limits: RouteLimits())
        let shop = try name("shop")
        book.finish(book.beginLook(now: .seconds(5)), missing: shop)
        guard case .missing = book.answer(to: shop, now: .milliseconds(5999)) else {
            Issue.record("forgotten too early")
            return
        }
        guard case .unknown(last: nil) = book.answer(to: shop, now: .seconds(6)) else {
            Issue.record("believed too long")
            return
        }
    }

    @Test func hearsayIsFollowedOnlyForward() throws {
        var book = RouteBook(limits: RouteLimits())
        let shop = try name("shop")
        book.finish(book.beginLook(now: .seconds(1)), found: try record("shop", id: id, epoch: 3, node: "a"))
        let followsOld = book.learn(NotLeaderHint(address: "http://old:1", epoch: Epoch(3)), about: shop)
        #expect(!followsOld)
        #expect(book.entry(shop)?.record.address == "http://a:8080")
        let hint = NotLeaderHint(leader: try NodeName("b"), address: "http://b:1", epoch: Epoch(4))
        let followsNew = book.learn(hint, about: shop)
        #expect(followsNew)
        #expect(book.entry(shop)?.record.address == "http://b:1")
        // An epoch without an address is a reason to look, no more.
        let followsNothing = book.learn(NotLeaderHint(epoch: Epoch(5)), about: shop)
        #expect(!followsNothing)
        #expect(!isKnown(book.answer(to: shop, now: .seconds(1))))
    }

    @Test func memoryIsBounded() throws {
        var limits = RouteLimits()
        limits.routes = 3
        limits.misses = 2
        var book = RouteBook(limits: limits)
        for index in 0..<20 {
            book.finish(book.beginLook(now: .zero), found: try record("db\(index)", id: .random(), epoch: 1, node: "a"))
            book.finish(book.beginLook(now: .zero), missing: try name("no\(index)"))
        }
        #expect(book.count == 3)
        #expect(isKnown(book.answer(to: try name("db19"), now: .zero)))
        #expect(!isKnown(book.answer(to: try name("db0"), now: .zero)))
    }

    @Test func aDoubtedRouteIsLookedUpUnlessItWasSince() throws {
        var book = RouteBook(limits: RouteLimits())
        var looks: [DatabaseName: RouteBook.Look] = [:]
        let route = try record("shop", id: id, epoch: 3, node: "a")
        book.finish(book.beginLook(now: .seconds(10)), found: route)
        book.doubt(route, used: .seconds(9), looks: &looks)
        #expect(isKnown(book.answer(to: route.name, now: .seconds(10))))
        book.doubt(route, used: .seconds(11), looks: &looks)
        #expect(!isKnown(book.answer(to: route.name, now: .seconds(11))))
    }

    private func isKnown(_ answer: RouteBook.Answer) -> Bool {
        if case .known = answer { true } else { false }
    }
}
