import AdminAPI
import ArgumentParser

struct OperationShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one operation.")

    @Argument(help: "Its identifier, as `berth operation list` shows it.")
    var id: OperationArgument

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let operation: OperationResource = try await options.client().get(["operations", id.text])
        try options.output.print(operation, table: OperationText.details)
    }
}
