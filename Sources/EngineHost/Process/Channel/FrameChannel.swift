import Dispatch
import FleetModel
import Foundation
import Glibc
import Synchronization

/// One end of what connects a node and a host.
package protocol FrameSending: AnyObject, Sendable {
    /// Sends what `write` appends: one frame. Does not block, and does nothing after the end.
    func send(_ write: (inout FrameWriter) -> Void)

    /// Nothing is sent or received any more: both ends find the stream at its end.
    func end()
}

extension FrameSending {
    func send(_ request: HostRequest, _ number: UInt64 = 0) { send { request.write(number, to: &$0) } }
    func send(_ message: HostMessage, _ number: UInt64 = 0) { send { message.write(number, to: &$0) } }
}

/// Takes the frames that arrive, one after the other. Throws when the other end sends something else than it may.
package typealias FrameReceiver = @Sendable (_ kind: UInt8, _ number: UInt64, _ fields: inout FrameReader) throws(FrameError) -> Void

/// One end of the socket between a node and a host: frames that were sent go out, one writer at a time.
///
/// Whoever sends while nobody writes does so, without waiting: a frame then costs no other thread. What is sent meanwhile goes out in one
/// write. When the socket is full, or one sender has written for others for long enough, a thread of the channel's own goes on.
final class FrameChannel: FrameSending {
    private struct State {
        var frames = FrameWriter()
        /// Somebody takes frames out and writes them.
        var isWriting = false
        /// What the thread goes on with.
        var rest: ArraySlice<UInt8> = []
        var hasThread = false
        var isEnded = false
    }

    private let descriptor: Int32
    private let state = Mutex(State())
    /// Signalled when the thread has to go on, and at the end.
    private let wakeUp = DispatchSemaphore(value: 0)

    /// Writes of one sender for others, before the thread goes on.
    private static let turns = 4

    /// - Parameter descriptor: closed with the channel.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func send(_ write: (inout FrameWriter) -> Void) {
        let isWriter = state.withLock { state -> Bool in
            guard !state.isEnded else { return false }
            write(&state.frames)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isWriter { self.write() }
    }

    func end() {
        state.withLock { state in
            state.isEnded = true
            _ = shutdown(descriptor, Int32(SHUT_RDWR))
        }
        wakeUp.signal()
    }

    // MARK: Reading

    /// Receives frames until the stream ends, on the calling thread.
    ///
    /// - Throws: when the other end sends something else than frames.
    func receive(_ body: (_ kind: UInt8, _ number: UInt64, inout FrameReader) throws(FrameError) -> Void) throws(FrameError) {
        var splitter = FrameSplitter()
        while true {
            let count = splitter.fill { memory in
                while true {
                    let count = recv(descriptor, memory.baseAddress, memory.count, 0)
                    if count >= 0 || errno != EINTR { return count }
                }
            }
            guard count > 0 else { return }
            try splitter.forEach(body)
        }
    }

    // MARK: Writing

    private func next() -> [UInt8]? {
        state.withLock { state in
            guard !state.isEnded, !state.frames.bytes.isEmpty else {
                state.isWriting = false
                return nil
            }
            return state.frames.take()
        }
    }

    private func write() {
        for _ in 0..<Self.turns {
            guard let frames = next() else { return }
            let written = write(frames[...], Int32(MSG_DONTWAIT))
            guard written == frames.count else { return goOn(with: frames[written...]) }
            state.withLock { $0.frames.reuse(frames) }
        }
        goOn(with: [])
    }

    /// Leaves the writing to the thread.
    private func goOn(with rest: ArraySlice<UInt8>) {
        let isFirst = state.withLock { state in
            invariant(state.isWriting && state.rest.isEmpty, "two write to one socket")
            state.rest = rest
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if isFirst { Thread.start(named: "host-write", serve) }
        wakeUp.signal()
    }

    private func serve() {
        while true {
            wakeUp.wait()
            let (rest, isEnded) = state.withLock { state -> (ArraySlice<UInt8>, Bool) in
                defer { state.rest = [] }
                return (state.rest, state.isEnded)
            }
            if isEnded { return }
            guard write(rest, 0) == rest.count else { continue }
            while let frames = next() {
                guard write(frames[...], 0) == frames.count else { break }
            }
        }
    }

    /// - Returns: bytes written; fewer than there are when the socket is full or broken. Of a broken one the reader learns.
    private func write(_ bytes: ArraySlice<UInt8>, _ flags: Int32) -> Int {
        bytes.withUnsafeBytes { memory in
            var written = 0
            while written < memory.count {
                let count = Glibc.send(
                    descriptor, memory.baseAddress.map { $0 + written }, memory.count - written, flags | Int32(MSG_NOSIGNAL))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return written }
                written += count
            }
            return written
        }
    }
}
