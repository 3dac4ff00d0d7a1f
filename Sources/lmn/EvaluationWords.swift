import LMN

extension Evaluation {
  /// Summary in one line.
  var words: String {
    """
    loss \(loss.fixed(4)) nats per token, perplexity \(perplexity.fixed(3)), \
    \(bitsPerByte.fixed(4)) bits per byte (\(tokens) tokens)

    """
  }
}

extension ForecastEvaluation {
  /// Summary as a table.
  var words: String {
    let rows = [("model", model), ("last value", lastValue), ("mean", mean)]
    let lines = rows.map { name, errors in
      ([name.padded(to: 12)]
        + [
          errors.squared, errors.absolute, errors.squaredInOwnUnits, errors.absoluteInOwnUnits,
        ].map { $0.significant.padded(to: -11) }).joined(separator: " ")
    }
    return (["\("".padded(to: 12))         MSE         MAE     own MSE     own MAE"] + lines)
      .joined(separator: "\n") + "\n"
  }
}
