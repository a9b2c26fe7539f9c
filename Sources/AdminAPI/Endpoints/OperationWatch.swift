import FleetModel
import FleetStore
import ServiceLifecycle

/// Waits for an operation to get on.
///
/// A hint is the usual reason to look again; one that is lost costs a slow look, never the answer.
struct OperationWatch: Sendable {
    let catalogue: FleetCatalogue
    let hints: HintSource
    let clock: any FleetClock

    /// How often it looks without having been told to.
    static let slowPoll = Duration.seconds(2)

    /// The operation once it is unlike `known` or finished; as it is when `limit` has passed or the process shuts down.
    func next(after known: OperationRecord, within limit: Duration) async throws(BerthError) -> OperationRecord {
        if known.state.isFinished || limit <= .zero { return known }
        let subscription = hints.hints()
        // What happened between the first look and the subscription told nobody here.
        let current = try await catalogue.operation(known.id)
        if current != known { return current }
        return try await cancelWhenGracefulShutdown {
            await change(of: known, subscription: subscription, deadline: clock.now() + limit)
        }.get()
    }

    private func change(
        of known: OperationRecord, subscription: AsyncStream<StoreHint>, deadline: Duration
    ) async -> Result<OperationRecord, BerthError> {
        // Room for one: many hints at once are one reason to look.
        let (reasons, reason) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await hint in subscription where hint == .operations || hint == .everything { reason.yield() }
            }
            group.addTask {
                defer { reason.finish() }
                while clock.now() < deadline {
                    guard (try? await clock.sleep(until: min(deadline, clock.now() + Self.slowPoll))) != nil else { return }
                    reason.yield()
                }
            }
            defer { group.cancelAll() }
            for await _ in reasons {
                do throws(BerthError) {
                    let current = try await catalogue.operation(known.id)
                    if current != known { return .success(current) }
                } catch { return .failure(error) }
            }
            return .success(known)
        }
    }
}
