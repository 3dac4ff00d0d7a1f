import ArgumentParser
import LMN

/// Usage error about settings, with the names of flags that are given.
///
/// - Parameters:
///   - error: An error of the settings.
///   - isGiven: Whether a flag is given.
/// - Returns: The error; `error` itself if it is one already.
func usageError(_ error: any Error, isGiven: (_ flag: String) -> Bool) -> ValidationError {
  func name(_ flag: String, _ usual: String) -> String { isGiven(flag) ? flag : usual }
  switch error {
  case let error as ValidationError:
    return error
  case let error as ConfigurationError:
    // The setting that another one needs is not given; it is named as the other is.
    let needing: String? =
      switch error {
      case .missingMaximumLength: "positions"
      case .levelBiasWithoutMaximumLevels: "levelBias"
      case .windowBiasWithoutWindow: "windowBias"
      default: nil
      }
    let isNeededByFlag = needing.map { isGiven(flag(ofKey: $0)) } ?? false
    return ValidationError(
      error.description(naming: { key in
        isNeededByFlag ? flag(ofKey: key) : name(flag(ofKey: key), key)
      }))
  case TrainingError.outOfRange(let setting, let value, let range):
    let setting = name(flag(ofSetting: setting), setting)
    return ValidationError(
      "\(TrainingError.outOfRange(name: setting, value: value, range: range))")
  default:
    return ValidationError("\(error)")
  }
}

/// The flag of a key of a configuration: `--feed-forward` for `feedForward`.
private func flag(ofKey key: String) -> String {
  "--" + key.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
}

/// The flag of a setting of a training, given its name in errors.
private func flag(ofSetting name: String) -> String {
  switch name {
  case "gradient clipping": "--clip"
  case "steps between log lines": "--log-every"
  case "steps between evaluations": "--evaluate-every"
  case "steps between checkpoints": "--save-every"
  default: "--" + name.replacing(" ", with: "-")
  }
}
