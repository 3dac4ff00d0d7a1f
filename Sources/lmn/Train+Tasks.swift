import ArgumentParser
import LMN

extension Train {
  // MARK: - Text

  /// Whether the run is that of a Memformer.
  func isMemformer(_ start: TrainingStart) throws -> Bool {
    start.isMemformer ?? (memformer.model == .memformer)
  }

  func textTrainer<Data: TextData>(
    on data: Data.Type, _ start: TrainingStart
  ) throws -> Trainer<Data>? {
    let text = try self.text(start)
    let validation = try start.validationContents(isText: true)
    do {
      guard
        var trainer: Trainer<Data> =
          try resume ? resumed(start, text, validation) : begun(start, text, validation)
      else { return nil }
      trainer.dataFiles = try start.dataFiles()
      return trainer
    } catch {
      guard error is TokenizerError || error is CorpusError else { throw error }
      let isOfValidation = (error as? CorpusError)?.isOfValidation ?? false
      let file = isOfValidation ? start.validation : start.file
      throw UnusableInput("\(file ?? "the built-in grammar"): \(error)")
    }
  }

  func trainOnText(_ start: TrainingStart) throws {
    if try isMemformer(start) {
      try train(on: SegmentedText.self, start)
    } else {
      try train(on: Corpus.self, start)
    }
  }

  private func train<Data: TextData>(on data: Data.Type, _ start: TrainingStart) throws {
    guard var trainer = try textTrainer(on: data, start) else { return }
    var report = try train(
      &trainer, about: "vocabulary of \(trainer.configuration.model.vocabularySize)",
      floor: start.file == nil ? Grammar.tales.entropyPerCharacter : nil)
    report.sample = try sample(of: trainer.model, seed: trainer.configuration.seed)
    try print(report, "; a sample:", result: report.sample! + "\n")
  }

  private func text(_ start: TrainingStart) throws -> [UInt8] {
    guard start.file == nil else { return try start.contents(isText: true) }
    var generator = SeededGenerator(seed: 0)
    return Array(Grammar.tales.text(characters: 1_000_000, using: &generator).utf8)
  }

  private func begun<Data: TextData>(
    _ start: TrainingStart, _ text: [UInt8], _ validation: [UInt8]?
  ) throws -> Trainer<Data>? {
    if text.isEmpty { throw CorpusError.empty }
    let model: Data.Model? = start.model.map { model in
      switch model {
      case .text(let model as Data.Model): model
      case .memformer(let model as Data.Model): model
      default: preconditionFailure("the model is for another kind of data")
      }
    }
    let tokenizer = try tokenizer(of: text, validation, start, from: model?.tokenizer)
    let count = tokenizer.tokenCount(of: text)
    let size = TrainingSize(
      count: validation == nil ? Corpus.trainingCount(of: count) : count)
    let configuration = try configuration(
      of: .text, vocabularySize: tokenizer.vocabularySize, over: size, from: start.model)
    if try prints(configuration) { return nil }
    return try Trainer(
      on: Data.self, configuration, text: text, validation: validation, tokenizer: tokenizer,
      from: model, in: start.directory)
  }

  /// Tokenizer of a new run on texts.
  private func tokenizer(
    of text: [UInt8], _ validation: [UInt8]?, _ start: TrainingStart, from model: Tokenizer?
  ) throws -> Tokenizer {
    func vocabulary(hasUnknown: Bool = false) throws -> Vocabulary {
      let own = try Vocabulary(of: text, hasUnknown: hasUnknown)
      guard let validation, !validation.isEmpty, !hasUnknown else { return own }
      do throws(TokenizerError) {
        let other = try Vocabulary(of: validation)
        return try Vocabulary(Set(own.characters + other.characters).sorted())
      } catch { throw CorpusError.unusableValidation(error) }
    }
    if let model {
      try expect(model, isOfRun: false)
      let names = [start.file ?? "the built-in grammar", start.validation].compactMap(\.self)
      return try from.tokenizer(
        from: model, for: { try vocabulary() }, file: names.joined(separator: ", "))
    }
    return try makeTokenizer(default: .characters, vocabulary: vocabulary)
  }

  private func resumed<Data: TextData>(
    _ start: TrainingStart, _ text: [UInt8], _ validation: [UInt8]?
  ) throws -> Trainer<Data>? {
    let trainer = try Trainer(
      on: Data.self, resuming: start.directory, text: text, validation: validation,
      change: applyToResumed)
    try expect(trainer.model.tokenizer)
    if try prints(trainer.configuration) { return nil }
    noteResumption(of: trainer)
    return trainer
  }

  func noteResumption<Data>(of trainer: Trainer<Data>) {
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

  func classificationTrainer(_ start: TrainingStart) throws -> Trainer<ClassificationData>? {
    let bytes = try start.contents()
    let validationBytes = try start.validationContents()
    if resume {
      var trainer = try Trainer<ClassificationData>(
        resuming: start.directory, csv: bytes, file: start.file!,
        validation: validationBytes.map { ($0, start.validation!) },
        format: tasks.table.format,
        change: applyToResumed)
      try expect(trainer.model.tokenizer)
      if try prints(trainer.configuration) { return nil }
      trainer.dataFiles = try start.dataFiles()
      noteResumption(of: trainer)
      noteAbsentLabels(of: trainer)
      return trainer
    }
    let columns = tasks.columns.classification
    let format = tasks.table.format
    let texts = try LabelledTexts(
      csv: bytes, file: start.file!, settings: columns, format: format)
    let validation = try validationBytes.map {
      try LabelledTexts(csv: $0, file: start.validation!, settings: columns, format: format)
    }
    var model: ClassifierModel?
    if case .classify(let found) = start.model { model = found }
    let tokenizer = try tokenizer(of: texts, validation, from: model?.tokenizer)
    let lengths = try texts.lengths(by: tokenizer)
    let (longest, count) = (lengths.max() ?? 0, lengths.count)
    var size = TrainingSize(
      count: validation == nil ? ClassificationData.trainingCount(of: count) : count,
      longest: longest)
    size.tokens = lengths.reduce(0, +)
    let configuration = try configuration(
      of: .classify, vocabularySize: tokenizer.vocabularySize, over: size, from: start.model
    ) { $0.suit(textsOf: size) }
    if try prints(configuration) { return nil }
    if longest > configuration.blockLength {
      Console.note(
        "the longest text has \(longest) tokens; training truncates to "
          + "\(configuration.blockLength)")
    }
    var trainer = try Trainer(
      configuration, texts: texts, validation: validation, tokenizer: tokenizer, from: model,
      in: start.directory)
    trainer.dataFiles = try start.dataFiles()
    noteAbsentLabels(of: trainer)
    return trainer
  }

  /// Tokenizer of a new run on labelled texts.
  private func tokenizer(
    of texts: LabelledTexts, _ validation: LabelledTexts?, from model: Tokenizer?
  ) throws -> Tokenizer {
    func vocabulary(hasUnknown: Bool = false) throws -> Vocabulary {
      let own = try texts.vocabulary(hasUnknown: hasUnknown)
      guard let validation, !hasUnknown else { return own }
      return try Vocabulary(
        Set(own.characters + validation.vocabulary().characters).sorted())
    }
    if let model {
      try expect(model, isOfRun: false)
      let names = [texts.file, validation?.file].compactMap(\.self)
      return try from.tokenizer(
        from: model, for: { try vocabulary() }, file: names.joined(separator: ", "))
    }
    return try makeTokenizer(default: .bytes, vocabulary: vocabulary)
  }

  func trainClassifier(_ start: TrainingStart) throws {
    guard var trainer = try classificationTrainer(start) else { return }
    let model = trainer.model
    var report = try train(&trainer, about: "\(model.labels.count) classes")
    let classes = try trainer.reportOfBest()
    report.classification = classes
    try print(report, "; the best weights:", result: classes.words)
  }
}
