import AdminAPI
import ArgumentParser

struct TokenListing: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List tokens, without their secrets.")

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let list: TokenList = try await options.client().get(["tokens"])
        try options.output.print(list.tokens, table: TokenText.list)
    }
}
