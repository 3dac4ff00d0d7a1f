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

extension RollingEvaluation {
  /// Summary as a table, with a row per channel and forecast.
  var words: String {
    let found = season.map { "season \($0)\(isSeasonFound ? ", found by autocorrelation" : "")" }
    let head =
      "rows from \(from) on: \(origins) forecast\(origins == 1 ? "" : "s") of \(horizon) "
      + "row\(horizon == 1 ? "" : "s"), \(found ?? "no season found")\n"
    let names = model.channels.map(\.name)
    let width = max(14, names.map(\.count).max()!)
    let columns = ["MSE", "MAE", "MASE", "sMAPE"].map { $0.padded(to: -11) }.joined(separator: " ")
    let tables = names.indices.map { channel in
      let lines = all.map { name, scores in
        let errors = scores.channels[channel].all
        return name.padded(to: width) + " "
          + [errors.mse, errors.mae, errors.mase, errors.smape].map {
            $0.significant.padded(to: -11)
          }.joined(separator: " ")
      }
      return (["\(names[channel].padded(to: width)) \(columns)"] + lines).joined(separator: "\n")
        + "\n"
    }
    let intervals = (intervals ?? []).flatMap { interval in
      interval.channels.map { channel in
        "\(channel.name): \((100 * channel.coverage).fixed(1)) % of the values are between the quantiles "
          + "\(interval.lower) and \(interval.upper), whose mean distance is \(channel.width.significant)\n"
      }
    }
    return head + tables.joined() + intervals.joined()
  }
}
