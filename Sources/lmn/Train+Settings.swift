public import ArgumentParser
public import LMN

/// Settings of a training configuration, from the flags.
///
/// All flags are optional: other values come from the preset, the defaults or the resumed run.
extension Train {
  enum Preset: String, ExpressibleByArgument, CaseIterable {
    case table1
    case gpt2Table1 = "gpt2-table1"
  }
  enum TokenizerKind: String, ExpressibleByArgument, CaseIterable { case characters, bytes }
  enum ScheduleKind: String, ExpressibleByArgument, CaseIterable { case constant, cosine }

  /// Settings of a new run.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - vocabularySize: Tokens or channels of the data.
  ///   - size: Size of the training part.
  ///   - model: Model whose weights the run begins with; nil for new ones.
  ///   - suit: Sets the defaults for the data.
  /// - Returns: The settings.
  /// - Throws: Errors of flags that are out of range or contradict the model.
  func configuration(
    of task: TaskKind, vocabularySize: Int, over size: TrainingSize, from model: AnyModel? = nil,
    suiting suit: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> TrainingConfiguration {
    var configuration = base(vocabularySize: vocabularySize)
    configuration.task = task.settings
    suit(&configuration)
    if memformer.model == .memformer {
      configuration.memformer = MemformerConfiguration(vocabularySize: vocabularySize)
    }
    if let model {
      configuration.adopt(model, vocabularySize: vocabularySize)
      if let given = memformer.model, given != configuration.kind {
        throw TrainingError.modelContradiction(
          setting: "--model", given: given.rawValue, model: configuration.kind.rawValue)
      }
    }
    let frozen = try frozen(ofMemformer: configuration.memformer != nil)
    for setting in frozen + continuable {
      let before = configuration
      setting.apply(&configuration)
      if model != nil, configuration.architecture != before.architecture {
        throw TrainingError.modelContradiction(
          setting: setting.flag, given: setting.read(configuration), model: setting.read(before))
      }
    }
    let stepsPerEpoch = configuration.stepsPerEpoch(over: size)
    if let epochs = epochs ?? (steps == nil ? task.usualEpochs : nil) {
      let (steps, overflows) = epochs.multipliedReportingOverflow(by: stepsPerEpoch)
      configuration.steps = overflows ? .max : steps
    }
    if task == .classify {
      if evaluateEvery == nil { configuration.evaluateEvery = stepsPerEpoch }
      if saveEvery == nil { configuration.saveEvery = stepsPerEpoch }
    }
    // A preset is a published recipe, and a model may have trained more levels than this run does.
    let isLimited = preset == nil && model == nil && configuration.memformer == nil
    if isLimited && !frozen.contains(where: \.givesLevels) {
      configuration.limitLevels(toStreamsOf: configuration.streamLength(over: size))
    }
    let found = configuration.memformer?.vocabularySize ?? configuration.model.vocabularySize
    guard found == vocabularySize else {
      throw UnusableInput(
        "\(self.model.config ?? "--config"): vocab is \(found), the data has \(vocabularySize)")
    }
    if configuration.memformer == nil { try self.model.expectFlags(of: configuration.model) }
    configuration.schedule = try schedule(from: configuration.schedule, steps: configuration.steps)
    do { try expectInRange(configuration) } catch {
      throw try faultyFile(configuration, in: base(vocabularySize: vocabularySize)) ?? error
    }
    return configuration
  }

  /// The error of the configuration file, if it is the cause of that of a configuration.
  private func faultyFile(
    _ configuration: TrainingConfiguration, in base: TrainingConfiguration
  ) throws -> (any Error)? {
    if let sizes = configuration.memformer {
      return try memformer.faultyFile(sizes, sharing: model)
    }
    do { try configuration.model.validate() } catch {
      return try model.faultyFile(error, in: base.model)
    }
    return nil
  }

  /// The tokenizer of a new run.
  ///
  /// - Parameters:
  ///   - usual: Kind of the tokenizer without a flag.
  ///   - vocabulary: Makes the vocabulary of character tokens, with an unknown token or without.
  /// - Returns: The tokenizer.
  /// - Throws: Errors of the vocabulary, and a usage error where bytes are to have an unknown token.
  func makeTokenizer(
    default usual: TokenizerKind, vocabulary: (_ hasUnknown: Bool) throws -> Vocabulary
  ) throws -> Tokenizer {
    switch tokenizer ?? usual {
    case .characters: return .characters(try vocabulary(unknown))
    case .bytes:
      if unknown { throw ValidationError("--unknown has no meaning for tokens that are bytes.") }
      return .bytes
    }
  }

  /// Applies the flags that may change on a resume; throws if another flag contradicts the run.
  func applyToResumed(_ configuration: inout TrainingConfiguration) throws {
    let run = configuration
    let kind = run.kind
    if let model = memformer.model, model != kind {
      throw TrainingError.contradiction(
        setting: "--model", given: model.rawValue, run: kind.rawValue)
    }
    let frozen = try frozen(ofMemformer: kind == .memformer)
    var asked = run
    if preset != nil {
      asked = base(vocabularySize: run.model.vocabularySize)
      asked.memformer = run.memformer.map {
        MemformerConfiguration(vocabularySize: $0.vocabularySize)
      }
      for setting in frozen { setting.apply(&asked) }
      asked.steps = run.steps
      asked.logEvery = run.logEvery
      asked.evaluateEvery = run.evaluateEvery
      asked.evaluationBatches = run.evaluationBatches
      asked.saveEvery = run.saveEvery
    } else {
      for setting in frozen { setting.apply(&asked) }
    }
    // Levels that neither a flag nor the file of --config sets stay as in the run.
    if !frozen.contains(where: \.givesLevels) { asked.model.takeLevels(of: run.model) }
    asked.schedule = try schedule(from: asked.schedule, steps: run.schedule.totalSteps ?? run.steps)
    if asked != run {
      let culprit = frozen.first { $0.read(asked) != $0.read(run) }
      throw TrainingError.contradiction(
        setting: culprit?.flag ?? "the learning-rate schedule",
        given: culprit?.read(asked) ?? "\(asked.schedule)",
        run: culprit?.read(run) ?? "\(run.schedule)")
    }
    for setting in continuable { setting.apply(&configuration) }
    try expectInRange(configuration)
  }

  /// Throws if a given flag does not apply to the task.
  func expectFlags(of task: TaskKind) throws {
    let ofCarriedState = [
      ("--horizon", task == .text && tasks.horizon != nil), ("--replay", replay),
    ]
    for (flag, isGiven) in ofCarriedState where isGiven && !carry {
      throw ValidationError("\(flag) has no meaning without --carry.")
    }
    if steps != nil && epochs != nil {
      throw ValidationError("Give --steps or --epochs, not both.")
    }
    if tasks.nGrams == 0 && tasks.buckets != nil {
      throw ValidationError("--buckets has no meaning without n-grams.")
    }
    if tasks.nGrams == 0 && tasks.pooling == .zero {
      throw ValidationError("--pooling none leaves the classes to n-grams, and --n-grams is 0.")
    }
    if let epochs, epochs < 1 {
      throw ValidationError("--epochs is \(epochs), it has to be 1 or more.")
    }
    try task.expect(
      tasks.usages + [
        ("--model", memformer.model != nil, [.text]),
        ("--preset", preset != nil, [.text]),
        ("--tokenizer", tokenizer != nil, [.text, .classify]),
        ("--unknown", unknown, [.text, .classify]),
        ("--tied-head", model.tiedHead != nil, [.text]), ("--carry", carry, [.text, .forecast]),
        ("--replay", replay, [.text]),
      ])
  }

  /// Throws a usage error if a setting is out of range; it names flags that are given.
  private func expectInRange(_ configuration: TrainingConfiguration) throws {
    do { try configuration.validate() } catch {
      throw usageError(error, isGiven: givenFlags.contains)
    }
  }

  /// The flags that are given.
  private var givenFlags: [String] {
    model.givenFlags + memformer.givenFlags
      + (trainingSettings + tasks.settings + continuable).map(\.flag)
      + [("--learning-rate", learningRate != nil), ("--warm-up", warmUp != nil)].filter(\.1).map(
        \.0)
  }

  /// Throws if the flag contradicts the tokenizer of a resumed run, or of the model of a new one.
  func expect(_ tokenizer: Tokenizer, isOfRun: Bool = true) throws {
    func contradiction(_ setting: String, given: String, found: String) -> TrainingError {
      isOfRun
        ? .contradiction(setting: setting, given: given, run: found)
        : .modelContradiction(setting: setting, given: given, model: found)
    }
    let found: TokenizerKind = tokenizer == .bytes ? .bytes : .characters
    if let given = self.tokenizer, given != found {
      throw contradiction("--tokenizer", given: given.rawValue, found: found.rawValue)
    }
    if unknown && !tokenizer.hasUnknown {
      throw contradiction(
        "--unknown", given: "given", found: "a vocabulary without an unknown token")
    }
  }

  private func base(vocabularySize: Int) -> TrainingConfiguration {
    switch preset {
    case .table1:
      return .table1(vocabularySize: vocabularySize)
    case .gpt2Table1:
      return .gpt2Table1(vocabularySize: vocabularySize)
    case nil:
      var configuration = TrainingConfiguration(
        model: Configuration(vocabularySize: vocabularySize))
      configuration.steps = 1000
      configuration.schedule = .warmUpThenCosine(
        peak: 3e-3, warmUpSteps: 100, totalSteps: 1000, minimumFraction: 0.1)
      return configuration
    }
  }

  /// The schedule of the given flags, over `steps` steps.
  private func schedule(
    from base: LearningRateSchedule, steps: Int
  ) throws -> LearningRateSchedule {
    let rate = learningRate ?? base.peak
    let kind = self.schedule ?? (base.totalSteps == nil ? .constant : .cosine)
    switch kind {
    case .constant:
      return .constant(rate: rate)
    case .cosine:
      if let warmUp, warmUp > steps {
        throw ValidationError("--warm-up is \(warmUp), the run has \(steps) steps.")
      }
      return .warmUpThenCosine(
        peak: rate, warmUpSteps: min(warmUp ?? base.warmUpSteps, steps), totalSteps: steps,
        minimumFraction: 0.1)
    }
  }

  /// Settings of the given flags that are fixed for a run.
  private func frozen(ofMemformer isMemformer: Bool) throws -> [Setting<TrainingConfiguration>] {
    try memformer.expectFlags(ofMemformer: isMemformer)
    if isMemformer && initialisation != nil {
      throw ValidationError("--initialisation has no meaning for a Memformer.")
    }
    let model =
      isMemformer
      ? try memformer.settings(sharing: model).map { Setting($0, in: \.memformer!) }
      : try model.settings().map { Setting<TrainingConfiguration>($0, in: \.model) }
    return model + trainingSettings + tasks.settings
  }

  /// Settings of the given flags of the training itself that are fixed for a run.
  private var trainingSettings: [Setting<TrainingConfiguration>] {
    [
      Setting("--initialisation", initialisation, \.initialisation),
      Setting("--block-length", blockLength, \.blockLength),
      Setting("--batch-size", batchSize, \.batchSize),
      Setting("--carry", carry ? true : nil, \.carriesState),
      Setting("--replay", replay ? true : nil, \.replays),
      Setting("--recompute", recompute ? true : nil, \.recompute),
      Setting("--optimizer", optimizer, \.optimizerKind),
      Setting("--weight-decay", weightDecay, \.optimizer.weightDecay),
      Setting("--clip", clip.map { $0 == 0 ? nil : $0 }, \.gradientClipping) { "\($0 ?? 0)" },
      Setting("--seed", seed, \.seed),
    ].compactMap(\.self)
  }

  /// Settings of the given flags that may change on a resume.
  private var continuable: [Setting<TrainingConfiguration>] {
    [
      Setting("--steps", steps, \.steps),
      Setting("--log-every", logEvery, \.logEvery),
      Setting("--evaluate-every", evaluateEvery, \.evaluateEvery),
      Setting("--patience", patience.map(Optional.some), \.patience) {
        $0.map { "\($0)" } ?? "none"
      },
      Setting("--evaluation-batches", evaluationBatches, \.evaluationBatches),
      Setting("--save-every", saveEvery, \.saveEvery),
    ].compactMap(\.self)
  }
}

extension Initialisation: ExpressibleByArgument {}

/// Optimizers of a training run.
enum OptimizerKind: String, CaseIterable, ExpressibleByArgument {
  case adamw, muon
}

extension TrainingConfiguration {
  /// The optimizer; Muon has its default constants.
  fileprivate var optimizerKind: OptimizerKind {
    get { muon == nil ? .adamw : .muon }
    set { muon = newValue == .muon ? muon ?? MuonConstants() : nil }
  }

  /// Whether state is carried from step to step.
  fileprivate var carriesState: Bool {
    get { carry != nil }
    set { carry = newValue ? carry ?? Carry() : nil }
  }

  /// Whether the blocks of a step are computed by memory replay.
  fileprivate var replays: Bool {
    get { carry?.replay ?? false }
    set { carry?.replay = newValue }
  }
}
