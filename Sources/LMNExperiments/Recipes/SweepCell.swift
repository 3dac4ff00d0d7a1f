internal import LMNModel
internal import LMNTraining

/// Settings of a cell that trains a network on a task at several learning rates.
private struct SweepCellConfiguration<Task: AnswerTask>: Encodable, Sendable {
  let task: Task
  let settings: SweepSettings
}

extension Cell {
  /// A cell that measures the scores of a network trained on a task, at the best learning rate.
  ///
  /// - Parameters:
  ///   - labels: Labels of the cell.
  ///   - task: The task.
  ///   - settings: Settings of the runs, and their seed.
  ///   - further: Measures more on the best network.
  /// - Returns: The cell.
  static func sweep<Task: AnswerTask>(
    _ labels: [Label], on task: Task, _ settings: SweepSettings,
    further: @escaping @Sendable (LanguageNetwork) -> [MeasuredValue] = { _ in [] }
  ) -> Cell {
    let longest = task.trainingSizes.map(task.length).max() ?? 1
    let tokens = settings.learningRates.count * settings.epochs * settings.examples * longest
    return Cell(
      labels, SweepCellConfiguration(task: task, settings: settings), cost: Double(tokens)
    ) { work in
      let sweep = try Sweep(task, settings: settings)
      let runs = Double(settings.learningRates.count)
      var (run, steps) = (-1.0, 1.0)
      let (report, network) = try sweep.runKeepingBest { event in
        switch event {
        case .begin(_, let count): (run, steps) = (run + 1, Double(count))
        case .step(let step): try work.advance(to: (run + Double(step) / steps) / runs)
        case .point: break
        }
      }
      return measurements(report) + further(network)
    }
  }

  private static func measurements<Task>(_ report: SweepReport<Task>) -> [MeasuredValue] {
    let scores = report.scores.flatMap { score in
      var at = ["length": Double(score.length)]
      if let depth = score.depth { at["depth"] = Double(depth) }
      let noun = score.measure.rawValue
      return [
        MeasuredValue(noun, at: at, score.value),
        MeasuredValue("\(noun), chance", at: at, score.chance),
        MeasuredValue("\(noun), guess", at: at, score.guess),
      ]
    }
    return
      (scores + [
        MeasuredValue("best learning rate", Double(report.best)),
        MeasuredValue("parameters", Double(report.parameters)),
        MeasuredValue("state (bytes)", Double(report.stateBytes)),
      ]).compactMap(\.self)
  }
}
