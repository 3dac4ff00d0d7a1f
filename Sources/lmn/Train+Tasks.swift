import LMN

extension Train {
  // MARK: - Text

  /// Whether the run is that of a Memformer.
  func isMemformer(in directory: RunDirectory) throws -> Bool {
    resume
      ? try ModelFile(contentsOf: directory.training).holdsMemformer
      : settings.memformer.model == .memformer
  }

  func textTrainer<Data: TextData>(
    on data: Data.Type, in directory: RunDirectory
  ) throws -> Trainer<Data>? {
    let text = try self.text()
    do { return try resume ? resumed(directory, text) : begun(directory, text) } catch {
      guard error is TokenizerError || error is CorpusError else { throw error }
      throw UnusableInput("\(file ?? "the built-in grammar"): \(error)")
    }
  }

  func trainOnText(in directory: RunDirectory) throws {
    if try isMemformer(in: directory) {
      try train(on: SegmentedText.self, in: directory)
    } else {
      try train(on: Corpus.self, in: directory)
    }
  }

  private func train<Data: TextData>(on data: Data.Type, in directory: RunDirectory) throws {
    guard var trainer = try textTrainer(on: data, in: directory) else { return }
    var report = try train(
      &trainer, about: "vocabulary of \(trainer.configuration.model.vocabularySize)",
      floor: file == nil ? Grammar.tales.entropyPerCharacter : nil)
    report.sample = try sample(of: trainer.model, seed: trainer.configuration.seed)
    try print(report, "; a sample:", result: report.sample! + "\n")
  }

  private func text() throws -> [UInt8] {
    if let file { return try AtomicFile.text(of: file == "-" ? "/dev/stdin" : file) }
    var generator = SeededGenerator(seed: 0)
    return Array(Grammar.tales.text(characters: 1_000_000, using: &generator).utf8)
  }

  private func begun<Data: TextData>(
    _ directory: RunDirectory, _ text: [UInt8]
  ) throws -> Trainer<Data>? {
    if text.isEmpty { throw CorpusError.empty }
    let tokenizer = try settings.makeTokenizer(default: .characters) {
      try Vocabulary(of: text, hasUnknown: $0)
    }
    let configuration = try settings.configuration(
      of: .text, vocabularySize: tokenizer.vocabularySize)
    if try prints(configuration) { return nil }
    return try Trainer(
      on: Data.self, configuration, text: text, tokenizer: tokenizer, in: directory)
  }

  private func resumed<Data: TextData>(
    _ directory: RunDirectory, _ text: [UInt8]
  ) throws -> Trainer<Data>? {
    let trainer = try Trainer(on: Data.self, resuming: directory, text: text) { configuration in
      try settings.applyToResumed(&configuration)
    }
    try settings.expect(trainer.model.tokenizer)
    if try prints(trainer.configuration) { return nil }
    noteResumption(of: trainer)
    return trainer
  }

  private func noteResumption<Data>(of trainer: Trainer<Data>) {
    Console.note("continuing \(trainer.directory.path) at step \(trainer.step)")
    let (schedule, steps) = (trainer.configuration.schedule, trainer.configuration.steps)
    guard let end = schedule.totalSteps, end != steps else { return }
    Console.note(
      "the run's schedule ends at step \(end), this run at step \(steps): "
        + (end < steps
          ? "the steps after \(max(end, trainer.step)) have its lowest learning rate, "
            + "\(schedule.rate(at: end))"
          : "the learning rate ends at \(schedule.rate(at: steps)), above its lowest"))
  }

  /// Reports classes without a row in a part of the data.
  private func noteAbsentLabels(of trainer: Trainer<ClassificationData>) {
    for split in Split.allCases {
      let labels = trainer.absentLabels(in: split)
      if labels.isEmpty { continue }
      let names = labels.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
      Console.note(
        "classes without a row in the \(split) part: \(names)"
          + (labels.count > 10 ? " and \(labels.count - 10) more" : ""))
    }
  }

  /// A sample continuation of a line break, or of token 0 where the vocabulary has no line break.
  private func sample(of model: some TextModel, seed: UInt64) throws -> String {
    var sampler = Sampler()
    sampler.temperature = 0.8
    var generation = Generation(model, sampler: sampler, seed: seed)
    if (try? generation.read([UInt8(ascii: "\n")])) == nil {
      try generation.read(model.tokenizer.decode(0))
    }
    let count = min(400, generation.room)
    return (0..<count).map { _ in generation.write() }.joined() + generation.finish()
  }

  // MARK: - Classification

  func classificationTrainer(in directory: RunDirectory) throws -> Trainer<ClassificationData>? {
    let bytes = try contents()
    if resume {
      let trainer = try Trainer<ClassificationData>(
        resuming: directory, csv: bytes, file: file!, encoding: settings.tasks.table.encoding,
        change: settings.applyToResumed)
      try settings.expect(trainer.model.tokenizer)
      if try prints(trainer.configuration) { return nil }
      noteResumption(of: trainer)
      noteAbsentLabels(of: trainer)
      return trainer
    }
    let texts = try LabelledTexts(
      csv: bytes, file: file!, settings: settings.tasks.columns.classification,
      encoding: settings.tasks.table.encoding)
    let tokenizer = try settings.makeTokenizer(default: .bytes) {
      try texts.vocabulary(hasUnknown: $0)
    }
    let longest = try texts.longest(by: tokenizer)
    let configuration = try settings.configuration(
      of: .classify, vocabularySize: tokenizer.vocabularySize, blockLength: min(longest, 512))
    if try prints(configuration) { return nil }
    if longest > configuration.blockLength {
      Console.note(
        "the longest text has \(longest) tokens; training truncates to "
          + "\(configuration.blockLength)")
    }
    let trainer = try Trainer(configuration, texts: texts, tokenizer: tokenizer, in: directory)
    noteAbsentLabels(of: trainer)
    return trainer
  }

  func trainClassifier(in directory: RunDirectory) throws {
    guard var trainer = try classificationTrainer(in: directory) else { return }
    let model = trainer.model
    let report = try train(&trainer, about: "\(model.labels.count) classes")
    try print(report, "", result: report.classification?.words ?? "")
  }

  // MARK: - Forecast

  func forecastTrainer(in directory: RunDirectory) throws -> Trainer<ForecastData>? {
    let bytes = try contents()
    do {
      if resume {
        let trainer = try Trainer<ForecastData>(
          resuming: directory, csv: bytes, file: file!, encoding: settings.tasks.table.encoding,
          change: settings.applyToResumed)
        if try prints(trainer.configuration) { return nil }
        noteResumption(of: trainer)
        return trainer
      }
      let series = try Series(
        csv: bytes, file: file!, channels: settings.tasks.channels?.names,
        encoding: settings.tasks.table.encoding)
      let configuration = try settings.configuration(
        of: .forecast, vocabularySize: series.channels.count)
      if try prints(configuration) { return nil }
      return try Trainer(configuration, series: series, file: file!, in: directory)
    } catch let error as CSVError {
      guard case .notANumber = error.problem else { throw error }
      throw UnusableInput("\(error); --channels names the columns to forecast")
    }
  }

  func trainForecaster(in directory: RunDirectory) throws {
    guard var trainer = try forecastTrainer(in: directory) else { return }
    let channels = trainer.model.channels
    let report = try train(
      &trainer, about: "\(channels.count) channel\(channels.count == 1 ? "" : "s")")
    try print(report, "", result: report.forecast?.words ?? "")
  }
}
