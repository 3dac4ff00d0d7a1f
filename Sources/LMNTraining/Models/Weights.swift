/// Which weights of a run to use.
public enum Weights: String, Sendable, CaseIterable {
  /// Those with the lowest validation loss.
  case best
  /// Those after the last step.
  case last

  /// Path of the model file at `path`, which is a file or a run's directory.
  ///
  /// - Throws: ``CheckpointError`` where `weights` are given for a file.
  static func file(at path: String, _ weights: Weights?) throws(CheckpointError) -> String {
    guard FileIdentity(path)?.isDirectory ?? false else {
      if let weights {
        throw .unusable(
          file: path,
          problem: "it is no directory of a run, so there is no choice of '\(weights)' weights")
      }
      return path
    }
    let directory = RunDirectory(path)
    let isBestKept = FileIdentity(directory.best) != nil
    return switch weights ?? (isBestKept ? .best : .last) {
    case .best: directory.best
    case .last: directory.model
    }
  }
}
