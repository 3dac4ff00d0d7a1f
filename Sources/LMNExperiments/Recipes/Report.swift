public import LMNCharts

/// Report of a recipe: text, tables and charts.
public struct Report: Sendable {
  /// Part of a report.
  public enum Part: Sendable {
    /// Heading of a section.
    case heading(String)
    /// Paragraph.
    case paragraph(String)
    /// Table.
    case table(ReportTable)
    /// Chart, and the name of its SVG file.
    case chart(any Chart, name: String)
  }

  /// Title.
  public var title: String
  /// The parts, in order.
  public var parts: [Part]

  /// A report.
  public init(_ title: String, _ parts: [Part]) {
    self.title = title
    self.parts = parts
  }

  /// The charts and the names of their files.
  public var charts: [(chart: any Chart, file: String)] {
    parts.compactMap { part in
      guard case .chart(let chart, let name) = part else { return nil }
      return (chart, "\(name).svg")
    }
  }

  /// The report in Markdown; charts are SVG files beside it.
  public var markdown: String {
    let texts = parts.map { part in
      switch part {
      case .heading(let text): "## \(text)"
      case .paragraph(let text): text
      case .table(let table): table.markdown
      case .chart(let chart, let name): "![\(chart.title)](\(name).svg)"
      }
    }
    return (["# \(title)"] + texts).joined(separator: "\n\n") + "\n"
  }

  /// The report as one HTML file, charts included, which needs no other file.
  public var html: String {
    let texts = parts.map { part in
      switch part {
      case .heading(let text): "<h2>\(text.escapedForHTML)</h2>"
      case .paragraph(let text): "<p>\(text.escapedForHTML)</p>"
      case .table(let table): table.html
      case .chart(let chart, _): "<figure>\n\(chart.svg)</figure>"
      }
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>\(title.escapedForHTML)</title>
      <style>
      :root{color-scheme:light dark}
      body{max-width:62rem;margin:2rem auto;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;
        background:#FFFFFF;color:#1A1A1A}
      table{border-collapse:collapse;font-variant-numeric:tabular-nums}
      div.table{overflow-x:auto}
      th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #DDDDDD}
      th:first-child,td:first-child,.words th,.words td{text-align:left}
      td{white-space:nowrap} .words td{white-space:normal}
      figure{margin:1.5rem 0;overflow-x:auto}
      svg{max-width:100%;height:auto}
      @media (prefers-color-scheme:dark){
        body{background:#161616;color:#EDEDED} th,td{border-color:#3C3C3C}}
      </style>
      </head>
      <body>
      <h1>\(title.escapedForHTML)</h1>
      \(texts.joined(separator: "\n"))
      </body>
      </html>

      """
  }
}

/// Table of a report.
public struct ReportTable: Sendable, Equatable {
  /// Headings of the columns.
  public var columns: [String]
  /// Cells by row.
  public var rows: [[String]]
  /// Whether cells are words, which are aligned to the left, instead of numbers.
  public var hasWords = false

  /// A table.
  ///
  /// - Precondition: Each row has a cell per column.
  public init(_ columns: [String], _ rows: [[String]], hasWords: Bool = false) {
    precondition(
      rows.allSatisfy { $0.count == columns.count },
      "ReportTable: \(rows.map(\.count)) cells for \(columns.count) columns")
    self.columns = columns
    self.rows = rows
    self.hasWords = hasWords
  }

  var markdown: String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    let rule = columns.indices.map { hasWords || $0 == 0 ? "---" : "---:" }
    return ([line(columns), line(rule)] + rows.map(line)).joined(separator: "\n")
  }

  var html: String {
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { "<\(tag)>\($0.escapedForHTML)</\(tag)>" }.joined() + "</tr>"
    }
    let lines = [row(columns, "th")] + rows.map { row($0, "td") }
    return "<div class=\"table\"><table\(hasWords ? " class=\"words\"" : "")>\n"
      + lines.joined(separator: "\n") + "\n</table></div>"
  }
}

extension String {
  /// The text as content of HTML.
  fileprivate var escapedForHTML: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
