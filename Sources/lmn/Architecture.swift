import LMN

extension TrainingConfiguration {
  /// Settings that the weights of a model determine.
  ///
  /// Dropout and the balance loss are settings of the training; levels have weights of their own
  /// only with a bias per level.
  struct Architecture: Equatable {
    fileprivate var model: Configuration
    fileprivate var memformer: MemformerConfiguration?
    fileprivate var pooling: Pooling?
    fileprivate var nGrams: NGrams.Settings?
    fileprivate var forecaster: ForecasterNetwork.Settings?
    fileprivate var columns: [[String]?] = []
  }

  /// Settings that the weights of the run's model determine.
  var architecture: Architecture {
    var architecture = Architecture(model: model, memformer: memformer)
    let usual = Configuration(vocabularySize: 1)
    architecture.model.dropout = usual.dropout
    architecture.model.balanceScale = usual.balanceScale
    for index in architecture.model.memories.indices {
      guard
        var settings = architecture.model.memories[index].settings as? LogarithmicMemory.Settings,
        !settings.levelBias
      else { continue }
      settings.maximumLevels = nil
      architecture.model.memories[index].settings = settings
    }
    switch task {
    case .text: break
    case .classify(let settings):
      (architecture.pooling, architecture.nGrams) = (settings.pooling, settings.nGrams)
    case .forecast(let settings):
      architecture.forecaster = settings.network
      architecture.columns = [settings.channels, settings.columns.covariates]
    }
    return architecture
  }

  /// Kind of the model.
  var kind: MemformerOptions.Kind { memformer == nil ? .network : .memformer }

  /// Takes the settings that the weights of a model determine, and its dropout and levels.
  ///
  /// - Parameters:
  ///   - model: The model, of the same task.
  ///   - vocabularySize: Tokens of the data, with the model's.
  mutating func adopt(_ model: AnyModel, vocabularySize: Int) {
    memformer = nil
    switch model {
    case .text(let model):
      self.model = model.network.configuration
    case .memformer(let model):
      memformer = model.network.configuration
      memformer?.vocabularySize = vocabularySize
      return
    case .classify(let model):
      self.model = model.network.configuration
      task.classification.pooling = model.network.pooling
      task.classification.nGrams = model.network.nGrams?.settings
    case .forecast(let model):
      self.model = model.network.configuration
      (task.forecast.network, task.forecast.columns) = (model.network.settings, model.columns)
      (task.forecast.lagWindows, task.forecast.fitsLags) = ([], false)
    }
    self.model.vocabularySize = vocabularySize
  }
}

extension Configuration {
  /// Takes the levels of the trees of another configuration.
  mutating func takeLevels(of other: Configuration) {
    for index in trunk.memories.indices {
      let found = other.trunk.memory(ofBlock: index).settings as? LogarithmicMemory.Settings
      guard let found, var settings = trunk.memories[index].settings as? LogarithmicMemory.Settings
      else { continue }
      settings.maximumLevels = found.maximumLevels
      trunk.memories[index].settings = settings
    }
  }
}
