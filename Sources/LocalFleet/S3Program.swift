import Foundation

/// An S3 server on this machine, for tests and for fleets that are broken on purpose: that of the Python package `moto[server]`.
///
/// It honours conditional puts and checks no signatures. Unlike the `moto_server` of the package it answers one request after the
/// other: that one looks at a condition and puts the object in two steps, between which other threads put theirs, so that two
/// of them could win.
public enum S3Program {
    public struct Missing: Error, CustomStringConvertible {
        public var description: String {
            "There is no moto_server, the S3 server of the tests. ./ops/test and ./ops/soak install it; by hand: pip install 'moto[server]'"
        }
    }

    public static var isInstalled: Bool { (try? python()) != nil }

    /// What starts it on a port of 127.0.0.1.
    ///
    /// - Throws: `Missing`.
    public static func command(port: Int) throws(Missing) -> [String] { [try python(), "-c", program, String(port)] }

    /// Bodies are read before the turn is taken: a slow client holds up nobody.
    private static let program = """
        import io, sys, threading
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import run_simple
        application = DomainDispatcherApplication(create_backend_app)
        turn = threading.Lock()
        def one_at_a_time(environ, start_response):
            length = environ.get("CONTENT_LENGTH")
            if length:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
            with turn:
                answer = application(environ, start_response)
                try:
                    return list(answer)
                finally:
                    getattr(answer, "close", lambda: None)()
        run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True)
        """

    /// The interpreter that has the package: `BERTH_PYTHON`, or the one beside the `moto_server` in `PATH`.
    private static func python() throws(Missing) -> String {
        let environment = ProcessInfo.processInfo.environment
        let named = environment["BERTH_PYTHON"].map { [directory(of: $0)] } ?? []
        let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        guard let directory = (named + path).first(where: { isProgram("\($0)/moto_server") }) else { throw Missing() }
        let beside = "\(directory)/python3"
        if isProgram(beside) { return beside }
        guard let other = path.first(where: { isProgram("\($0)/python3") }) else { throw Missing() }
        return "\(other)/python3"
    }

    private static func directory(of path: String) -> String { URL(fileURLWithPath: path).deletingLastPathComponent().path }
    private static func isProgram(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }
}
