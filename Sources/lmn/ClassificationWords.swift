import LMN

extension ClassificationReport {
  /// Summary in one line, a table of the classes, and the confusion matrix of not too many.
  var words: String {
    let e = evaluation
    let summary = """
      loss \(e.loss.fixed(4)) nats per text, accuracy \(e.accuracy.percent) (always the commonest class: \
      \(e.commonestClass.percent)), macro F1 \(e.macroF1?.percent ?? "-"), \(e.texts) texts
      """
    let scores = table(
      ["class", "texts", "precision", "recall", "F1"],
      classes.map { scores in
        [scores.label, "\(scores.texts)"]
          + [scores.precision, scores.recall, scores.f1].map { $0?.percent ?? "-" }
      })
    let labels = classes.map(\.label)
    let matrix =
      labels.count > Self.mostOfMatrix
      ? "the confusion matrix of \(labels.count) classes is in --json\n"
      : "texts of a class (row) by predicted class (column)\n"
        + table([""] + labels, zip(labels, confusion).map { [$0] + $1.map(String.init) })
    return "\(summary)\n\(scores)\(matrix)"
  }

  /// Most classes of a confusion matrix in words.
  private static var mostOfMatrix: Int { 20 }

  /// Lines of cells, the first of each left-aligned and the others right-aligned.
  private func table(_ header: [String], _ rows: [[String]]) -> String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max()! }
    return lines.map { line in
      zip(line, widths).enumerated().map { column, cell in
        cell.0.padded(to: column == 0 ? cell.1 : -cell.1)
      }.joined(separator: "  ") + "\n"
    }.joined()
  }
}

extension Double {
  /// The fraction in percent.
  fileprivate var percent: String { "\((100 * self).fixed(1)) %" }
}
