import Foundation
import FoundationXML
import Testing

/// Elements of an SVG document, as an XML parser reads them.
final class Drawing: NSObject, XMLParserDelegate {
  /// An element: name, attributes, and the text in it.
  struct Element {
    let name: String
    let attributes: [String: String]
    var text = ""

    func number(_ attribute: String) -> Double { Double(attributes[attribute] ?? "") ?? .nan }
    /// Coordinates of a polyline or polygon.
    var points: [(x: Double, y: Double)] {
      (attributes["points"] ?? "").split(separator: " ").map { pair in
        let numbers = pair.split(separator: ",").map { Double($0) ?? .nan }
        return (numbers[0], numbers[1])
      }
    }
  }

  private(set) var elements: [Element] = []
  private var open: [Int] = []

  /// The drawing of a document, which has to be well-formed.
  init(_ svg: String, sourceLocation: SourceLocation = #_sourceLocation) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    #expect(
      parser.parse(), "\(String(describing: parser.parserError))", sourceLocation: sourceLocation)
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) { open.removeLast() }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let index = open.last { elements[index].text += text }
  }

  func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }
  var texts: [String] { all("text").map(\.text) }
  /// Lines of series; a legend's are two points long.
  var lines: [Element] { all("polyline") }
}
