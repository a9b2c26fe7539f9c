import FleetModel

/// Frames within one process, where no socket is between node and host: they are written and read all the same.
package enum FramePipe {
    /// The frame that `write` appends.
    package static func bytes(_ write: (inout FrameWriter) -> Void) -> [UInt8] {
        var frames = FrameWriter()
        write(&frames)
        return frames.take()
    }

    /// Hands a frame to `receiver`.
    ///
    /// - Throws: as `receiver`, and when `bytes` are no frame.
    package static func receive(_ bytes: [UInt8], by receiver: FrameReceiver) throws(FrameError) {
        var splitter = FrameSplitter()
        let count = splitter.fill { memory in
            memory.copyBytes(from: bytes)
            return bytes.count
        }
        invariant(count == bytes.count, "a part of a frame is lost")
        try splitter.forEach(receiver)
    }
}
