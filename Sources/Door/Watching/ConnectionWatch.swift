import FleetModel
import NIOCore

/// How many bytes a channel was given to write that its socket did not take. On its event loop.
typealias BytesWaiting = @Sendable (any Channel) -> Int

/// Follows one connection on its event loop: shared by the handler that sees its bytes and the one that sees its requests.
///
/// It has one timer, which is set anew only when something is owed earlier than it runs out: a request that is there with its first bytes
/// costs none.
final class ConnectionWatch {
    private(set) var progress: ConnectionProgress
    let place: ConnectionPlace
    private let limits: PaceLimits
    private let answers: AnswersInFlight
    private let counters: DoorCounters
    private let bytesWaiting: BytesWaiting
    private var timer: (due: NIODeadline, scheduled: Scheduled<Void>)?
    private var written = 0
    /// Bytes that had been taken when that was looked at last.
    private var taken = 0
    private var isBehind = false
    /// An answer is being made while it is sent.
    private var isStreaming = false

    init(
        _ place: ConnectionPlace, limits: PaceLimits, answers: AnswersInFlight, counters: DoorCounters,
        bytesWaiting: @escaping BytesWaiting, at now: NIODeadline
    ) {
        progress = ConnectionProgress(limits, at: now)
        self.place = place
        self.limits = limits
        self.answers = answers
        self.counters = counters
        self.bytesWaiting = bytesWaiting
    }

    private var eventLoop: any EventLoop { place.channel.eventLoop }

    func began() { judge(at: eventLoop.now + limits.idle) }

    func ended() {
        timer?.scheduled.cancel()
        timer = nil
        caughtUp()
    }

    func end(for reason: EndReason) {
        counters.ended(for: reason)
        place.channel.close(promise: nil)
    }

    // MARK: Bytes

    func arrived(_ bytes: Int) { progress.bytesArrived(bytes) }

    func readEnded() {
        if let due = progress.readEnded(at: eventLoop.now) { judge(at: due) }
    }

    func readContinues() { progress.readContinues(at: eventLoop.now) }

    func wrote(_ bytes: Int) { written += bytes }

    /// What was written is on its way; some of it may be waiting here for the client to take what came before.
    func flushed() {
        guard isStreaming || !place.channel.isWritable else { return }
        let waiting = bytesWaiting(place.channel)
        guard waiting > 0 else {
            caughtUp()
            return
        }
        let now = eventLoop.now
        if let due = progress.readerIsBehind(at: now) {
            taken = written - waiting
            judge(at: due)
        }
        isBehind = true
        cutOff(answers.hold(waiting, for: place.channel, at: now))
    }

    func becameWritable() {
        caughtUp()
    }

    private func caughtUp() {
        guard isBehind else { return }
        isBehind = false
        progress.readerCaughtUp(at: eventLoop.now)
        answers.release(place.channel)
    }

    private func cutOff(_ channels: [any Channel]) {
        for channel in channels {
            counters.ended(for: .answers)
            channel.close(promise: nil)
        }
    }

    // MARK: Requests

    /// - Returns: `false` when it is one too many; the connection is closed.
    func headArrived() -> Bool {
        place.isBusy()
        guard progress.headArrived() else {
            end(for: .pipelining)
            return false
        }
        return true
    }

    func requestEnded() { progress.requestEnded() }

    func answerBegan() { isStreaming = true }

    func answerEnded(closes: Bool) {
        isStreaming = false
        let now = eventLoop.now
        if let due = progress.answerEnded(closes: closes, at: now) { judge(at: due) }
        if progress.unanswered == 0 { place.waits(since: now) }
    }

    // MARK: Time

    private func judge(at due: NIODeadline) {
        if let timer {
            if timer.due <= due { return }
            timer.scheduled.cancel()
        }
        // The closure runs on this event loop, where the watch lives.
        let watch = NIOLoopBound(self, eventLoop: eventLoop)
        timer = (due, eventLoop.scheduleTask(deadline: due) { watch.value.timeIsUp() })
    }

    private func timeIsUp() {
        timer = nil
        guard place.channel.isActive else { return }
        if isBehind {
            let waiting = bytesWaiting(place.channel)
            progress.bytesTaken(written - waiting - taken)
            taken = written - waiting
            if waiting == 0 { caughtUp() } else { cutOff(answers.hold(waiting, for: place.channel, at: eventLoop.now)) }
        }
        switch progress.judge(at: eventLoop.now) {
        case .ends(let reason): end(for: reason)
        case .goesOn(let until): judge(at: until)
        }
    }
}
