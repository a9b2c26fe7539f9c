import ArgumentParser

/// The options every client command has.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp(
        "Address of a manager.",
        discussion: "Default: BERTH_URL, else the dev.json of --dir (BERTH_DIR), of this directory, of ./berth-dev or of ~/.berth/dev."))
    var url: String?

    @Option(help: "Admin token. Default: BERTH_TOKEN, else that of dev.json.")
    var token: String?

    @Option(help: "Directory of a fleet started by `berth dev`.")
    var dir: String?

    @Option(name: .shortAndLong, help: "How to print: table for people, json for programs.")
    var output: OutputFormat = .table

    func client() throws -> AdminClient {
        AdminClient(address: try FleetLocator.ofThisProcess.address(url: url, token: token, directory: dir))
    }
}
