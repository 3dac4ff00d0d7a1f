import ArgumentParser
import Foundation
import LMN
import LMNCharts
import LMNExperiments

struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw the losses of training runs.",
    discussion: """
      The chart is SVG in the file of --output, or on standard output; a terminal gets it as text.
      """)

  @Argument(
    help: "Logs (log.jsonl) or output directories of training runs.", completion: .file())
  var files: [String]

  @Option(help: "SVG file to write, replaced if it exists.", completion: .file())
  var output: String?

  func run() throws {
    let chart = try LossCurves(of: files).chart
    try Console.draw(chart, to: output, reading: files)
  }
}

extension Console {
  /// Writes a chart: as SVG to a file or to standard output, as text to a terminal.
  ///
  /// - Parameters:
  ///   - chart: The chart.
  ///   - path: The file; nil for standard output.
  ///   - inputs: Files that the command reads, which `path` must not be.
  /// - Throws: `OutputError` or `FileError`.
  static func draw(_ chart: some Chart, to path: String?, reading inputs: [String]) throws {
    guard let path else {
      return try write(isatty(STDOUT_FILENO) == 1 ? chart.text(columns: columns) : chart.svg)
    }
    let output = OutputFile(path, kind: "SVG file")
    try output.expectNone(of: inputs)
    try output.expectReplaceable { path in
      guard let content = try? AtomicFile.contents(of: path) else { return false }
      return content.isEmpty || content.starts(with: "<svg".utf8)
    }
    try AtomicFile.write(Array(chart.svg.utf8), to: path)
  }

  /// Width of the terminal at standard output in characters; 80 if it is unknown.
  private static var columns: Int {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 40
      ? Int(size.ws_col) : 80
  }
}
