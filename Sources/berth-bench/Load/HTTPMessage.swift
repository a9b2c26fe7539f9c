/// Requests as bytes, made ahead of what is measured.
enum HTTPMessage {
    static func post(_ path: String, token: String, _ body: [UInt8]) -> [UInt8] {
        Array(
            """
            POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\nContent-Type: application/json\r\n\
            Content-Length: \(body.count)\r\n\r\n
            """.utf8) + body
    }

    static func get(_ path: String, token: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
    }
}
