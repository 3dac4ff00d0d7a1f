public import LMNKernels
public import LMNMemories
import LMNModel

/// Values of a column that identify the rows of a table.
public struct IDColumn: Sendable, Equatable {
  /// Name of the column.
  public let name: String
  /// One value per row.
  public internal(set) var values: [String]
}

extension ClassifierModel {
  /// CSV with the likeliest label and its probability for each text.
  ///
  /// - Parameters:
  ///   - tokens: Tokens of each text, which may be empty.
  ///   - ids: First column of the table; nil for none.
  ///   - everyClass: Whether a column `probability_LABEL` per class follows.
  ///   - report: Called with the number of texts done.
  /// - Returns: The table, with a header.
  /// - Throws: `ConfigurationError` when there are too few learned positions.
  public func table(
    of tokens: [[Token]], ids: IDColumn? = nil, everyClass: Bool = false,
    report: ProgressReport = { _ in }
  ) throws(ConfigurationError) -> String {
    precondition(ids.map { $0.values.count == tokens.count } ?? true, "an ID per text")
    try network.configuration.expectPositions(forEach: tokens)
    let header =
      [ids?.name].compactMap(\.self) + ["label", "probability"]
      + (everyClass ? labels.map { "probability_\($0)" } : [])
    let lines = ExecutionContext.current.map(tokens.count, reporting: report) { index in
      let all = predictions(of: tokens[index])
      let best = Self.likeliest(of: all)
      let numbers = ([best] + (everyClass ? all : [])).map {
        "\(($0.probability * 1e6).rounded() / 1e6)"
      }
      return csvLine([ids?.values[index]].compactMap(\.self) + [best.label] + numbers)
    }
    return csvLine(header) + lines.joined()
  }
}
