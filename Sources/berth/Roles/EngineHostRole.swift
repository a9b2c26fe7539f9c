import EngineHost
import FleetModel
import Logging
import Telemetry

/// `berth engine-host <process number of the node>`: runs the engines of some databases for the node that started it.
///
/// No command of its own: nobody but a node can start one, which hands it its socket.
enum EngineHostRole {
    static let name = "engine-host"

    /// - Returns: the node's process number, when this process is to be an engine host.
    static func node(of arguments: [String]) -> Int32? {
        arguments.count == 3 && arguments[1] == name ? Int32(arguments[2]) : nil
    }

    static func run(node: Int32) -> Never {
        OwnProgram.setProcessName("berth-engine")
        HostProcess.run(node: node) { configuration in
            let output = LogOutput(
                format: LogFormat(rawValue: configuration.logFormat) ?? .text, level: Logger.Level(rawValue: configuration.logLevel) ?? .info)
            var logger = output.logger(label: name)
            logger[metadataKey: "engine"] = "\(configuration.engine.rawValue)"
            return logger
        }
    }
}
