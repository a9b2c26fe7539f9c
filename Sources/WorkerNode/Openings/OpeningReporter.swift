import FleetModel
import FleetStore
import Logging
import Synchronization

/// Tells the catalogue which databases were opened and which do not open: the latest of each, many at a time, beside all other work.
final class OpeningReporter: Sendable {
    enum News: Sendable {
        case served
        case unopenable(UnopenableState, isServed: Bool)
        case quarantined(Quarantined)
    }

    private struct Report {
        var news: News
        var epoch: Epoch
    }

    /// Others that come meanwhile go with it.
    private static let gathering = Duration.milliseconds(20)
    private static let retryDelay = Duration.seconds(1)

    private let waiting = Mutex<[DatabaseID: Report]>([:])
    private let wakeup = Wakeup()

    func report(_ database: DatabaseID, _ news: News, in epoch: Epoch) {
        waiting.withLock { $0[database] = Report(news: news, epoch: epoch) }
        wakeup.signal()
    }

    /// Reports until cancelled. What could not be said is said again, unless there is something newer to say.
    func run(_ catalogue: any OpeningCatalogue, session: SessionID, clock: any FleetClock, logger: Logger) async {
        while !Task.isCancelled {
            if waiting.withLock({ $0.isEmpty }) {
                await wakeup.wait(clock: clock)
                continue
            }
            do { try await clock.sleep(for: Self.gathering) } catch { return }
            let reports = waiting.withLock { waiting in
                defer { waiting = [:] }
                return waiting
            }
            do {
                try await send(reports, to: catalogue, session)
            } catch {
                logger.warning("openings not reported, trying again", metadata: ["databases": "\(reports.count)", "error": "\(error)"])
                waiting.withLock { waiting in waiting.merge(reports) { newer, _ in newer } }
                do { try await clock.sleep(for: Self.retryDelay) } catch { return }
            }
        }
    }

    private func send(_ reports: [DatabaseID: Report], to catalogue: any OpeningCatalogue, _ session: SessionID) async throws(BerthError) {
        var served: [(database: DatabaseID, epoch: Epoch)] = []
        for (database, report) in reports.sorted(by: { $0.key < $1.key }) {
            switch report.news {
            case .served: served.append((database, report.epoch))
            case .unopenable(let state, let isServed):
                try await catalogue.reportUnopenable(database, state, isServed: isServed, epoch: report.epoch, by: session)
            case .quarantined(let quarantined):
                try await catalogue.reportQuarantined(database, quarantined, epoch: report.epoch, by: session)
            }
        }
        if !served.isEmpty { try await catalogue.reportServed(served, by: session) }
    }
}
