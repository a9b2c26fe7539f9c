import AdminAPI
import ArgumentParser

struct OperationCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ask an operation to stop; what it has done stays done.")

    @Argument(help: "Its identifier, as `berth operation list` shows it.")
    var id: OperationArgument

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let operation: OperationResource = try await options.client().post(["operations", id.text, "cancel"])
        try options.output.print(operation, table: OperationText.details)
    }
}
