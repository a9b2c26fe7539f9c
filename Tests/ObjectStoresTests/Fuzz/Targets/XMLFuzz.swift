import BerthTestKit
import Foundation
import class FoundationXML.XMLParser
import protocol FoundationXML.XMLParserDelegate

@testable import ObjectStores

/// The XML reader against Foundation's (libxml2): where both accept a document, they find the same in it.
enum XMLFuzz {
    static let target = FuzzTarget(
        "s3-xml",
        seeds: [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c --><List note=\"a\"><Key>a &amp; b &#233;&#x1F6A2; <![CDATA[<raw&amp;>]]></Key><Empty/><In><Key>x</Key></In></List>",
            "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", "<A>t&lt;<B/>u<C>&quot;</C></A>",
        ].map { Array($0.utf8) },
        words: ["<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "&amp;", "&#x", ";", "<?", "?>", "\"", "'", "<a>", "</a>", "<!DOCTYPE", "é", "\r\n"], cost: 2
    ) { bytes in
        let element: XMLElement
        do throws(XMLElement.SyntaxError) { element = try XMLElement.parse(bytes) } catch { return .refused }
        // Foundation traps on an attribute that is not UTF-8 and on a processing instruction without data.
        guard let text = String(validating: bytes, as: UTF8.self) else { return .accepted }
        let instructions = text.components(separatedBy: "<?").count - 1
        guard instructions == 0 || instructions == 1 && text.hasPrefix("<?xml ") else { return .accepted }
        // libxml2 refuses names, attributes and characters that our reader does not look at: only what it reads counts.
        guard let other = Tree.parse(bytes) else { return .accepted }
        try hold(Tree(element) == other, "libxml2 reads \(other), not \(Tree(element))")
        return .accepted
    }

    struct Tree: Equatable, CustomStringConvertible {
        var name: String
        var text = ""
        var children: [Tree] = []

        var description: String { "<\(name)>\(text.debugDescription)\(children)" }

        init(name: String) { self.name = name }

        init(_ element: XMLElement) {
            name = element.name
            text = element.text
            children = element.children.map(Tree.init)
        }

        static func == (one: Tree, other: Tree) -> Bool {
            one.name.utf8.elementsEqual(other.name.utf8) && one.text.utf8.elementsEqual(other.text.utf8) && one.children == other.children
        }

        static func parse(_ bytes: [UInt8]) -> Tree? {
            let parser = FoundationXML.XMLParser(data: Data(bytes))
            let builder = Builder()
            parser.delegate = builder
            parser.shouldResolveExternalEntities = false
            return parser.parse() && parser.parserError == nil ? builder.root : nil
        }
    }

    private final class Builder: NSObject, XMLParserDelegate {
        var open: [Tree] = []
        var root: Tree?

        func parser(
            _: FoundationXML.XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            open.append(Tree(name: name.split(separator: ":", omittingEmptySubsequences: false).last.map(String.init) ?? name))
        }
        func parser(_: FoundationXML.XMLParser, foundCharacters text: String) {
            if !open.isEmpty { open[open.count - 1].text += text }
        }
        func parser(_: FoundationXML.XMLParser, foundCDATA block: Data) {
            if !open.isEmpty { open[open.count - 1].text += String(decoding: block, as: UTF8.self) }
        }
        func parser(
            _: FoundationXML.XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            guard let closed = open.popLast() else { return }
            if open.isEmpty { root = closed } else { open[open.count - 1].children.append(closed) }
        }
    }
}
