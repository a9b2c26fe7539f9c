import AsyncHTTPClient
import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1

/// Reads the rows of one query as they come, and keeps none of them.
struct CursorReader: Sendable {
    struct Summary: Sendable {
        var rows = 0
        var bytes = 0
        /// The first column counts from 0.
        var isInOrder = true
        /// Of the last line.
        var last = ""
    }

    let url: String
    let database: String
    let token: String

    func read(_ sql: String) async throws -> Summary {
        var request = HTTPClientRequest(url: "\(url)/db/\(database)/v3/cursor")
        request.method = .POST
        request.headers = ["authorization": "Bearer \(token)"]
        let body: JSON = ["batch": ["steps": [["stmt": ["sql": .string(sql)]]]]]
        request.body = .bytes(ByteBuffer(bytes: try body.encoded()))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(240))
        var summary = Summary(), rest: [UInt8] = []
        for try await piece in response.body {
            summary.bytes += piece.readableBytes
            rest += piece.readableBytesView
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                take(rest[start..<end], &summary)
                start = end + 1
            }
            rest.removeFirst(start)
        }
        return summary
    }

    private func take(_ line: ArraySlice<UInt8>, _ summary: inout Summary) {
        let row = Array(#"{"type":"row","row":[{"type":"integer","value":""#.utf8)
        if line.starts(with: row) {
            let number = Int(String(decoding: line.dropFirst(row.count).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self))
            if number != summary.rows { summary.isInOrder = false }
            summary.rows += 1
            summary.last = "row"
        } else {
            summary.last = ["step_begin", "step_end", "step_error", "error"].first { String(decoding: line, as: UTF8.self).contains(#""\#($0)""#) } ?? "-"
        }
    }
}
