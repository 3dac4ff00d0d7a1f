internal import FoundationEssentials
internal import LMNTraining

extension CellWork {
  /// Trains to the end in the cell's directory, continuing the run that an interrupted measurement has
  /// left there.
  ///
  /// - Parameters:
  ///   - begin: A new run in the directory.
  ///   - resume: The run in the directory.
  /// - Returns: Whether the run has come to its end; false if it diverged.
  /// - Throws: ``RecipeInterruption``, or errors of data and files.
  func train<Data: TrainingData>(
    begin: () throws -> Trainer<Data>, resume: () throws -> Trainer<Data>
  ) throws -> Bool {
    var trainer: Trainer<Data>
    do {
      trainer = try RunDirectory(directory).holdsRun ? resume() : begin()
    } catch TrainingError.finished, TrainingError.stoppedEarly { return true }
    var step = trainer.step
    let steps = Double(trainer.configuration.steps)
    do {
      let isComplete = try trainer.run(shouldStop: shouldStop) { event in
        guard case .step = event else { return }
        step += 1
        try report(Double(step) / steps)
      }
      if !isComplete { throw RecipeInterruption() }
    } catch TrainingError.diverged { return false }
    return true
  }

  /// Removes the files of a run that is measured; ones that remain do no harm.
  func removeRun() {
    try? FileManager.default.removeItem(atPath: directory)
  }
}
