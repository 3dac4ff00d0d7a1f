import FoundationEssentials
import LMN
import LMNTestSupport
import Testing

@testable import LMNTraining

@Suite struct ClassificationTests {
  private func data(rows: Int, seed: UInt64 = 1) throws -> ClassificationData {
    let texts = try LabelledTexts(
      csv: patternTable(rows: rows), file: "t.csv", settings: ClassificationSettings())
    return try ClassificationData(texts, tokenizer: .bytes, seed: seed)
  }

  // MARK: - Data

  @Test func nineRowsInTenAreTrainedOn() throws {
    for (rows, training) in [(100, 90), (10, 9), (11, 10), (4, 3), (2, 1)] {
      let text = "text,label\na,x\nb,y\n" + String(repeating: "c,x\n", count: rows - 2)
      let texts = try LabelledTexts(
        csv: Array(text.utf8), file: "t.csv", settings: ClassificationSettings())
      let data = try ClassificationData(texts, tokenizer: .bytes, seed: 3)
      #expect(data.rows(of: .training).count == training)
      #expect(
        (data.rows(of: .training) + data.rows(of: .validation)).sorted() == Array(0..<rows))
      #expect(data.labels == ["x", "y"])
    }
  }

  @Test func theSeedDivides() throws {
    let first = try data(rows: 100)
    #expect(Array(first.rows(of: .validation)) != Array(90..<100))
    #expect(try data(rows: 100).rows(of: .validation) == first.rows(of: .validation))
    #expect(try data(rows: 100, seed: 2).rows(of: .validation) != first.rows(of: .validation))
  }

  /// An epoch has the mean loss of all training rows, and every epoch has other batches.
  @Test func everyRowIsTrainedOnOncePerEpoch() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory).model
      let texts = try LabelledTexts(
        csv: patternTable(rows: 40), file: "t.csv", settings: ClassificationSettings())
      let data = try ClassificationData(texts, tokenizer: model.tokenizer, seed: 1)
      let configuration = TrainingConfiguration.small(
        .classify(.init()), vocabularySize: model.tokenizer.vocabularySize, steps: 1)
      let batch = data.batch(.value, at: model.network, for: configuration)
      var generator = SeededGenerator(seed: 1)
      let losses = (0..<18).map { step in
        data.fill(batch, forStep: step, of: configuration, using: &generator)
        return batch.run()
      }
      let (tokens, classes) = (
        try texts.tokens(by: model.tokenizer), try texts.classes(among: data.labels)
      )
      let expected =
        data.rows(of: .training).reduce(0) { sum, row in
          let logits = model.network.logits(of: Array(tokens[row].prefix(12)))
          return sum + Double(logits.crossEntropy(targets: [Token(classes[row])]).value.scalar)
        } / 36
      for epoch in [losses[..<9], losses[9...]] {
        #expect(abs(epoch.reduce(0, +) / 9 - expected) < 1e-5)
      }
      #expect(Array(losses[..<9]) != Array(losses[9...]))
    }
  }

  @Test func epochsAreOrdersOfAllRows() {
    let order = EpochOrder(of: 7, seed: 3)
    let epochs = (0..<4).map { epoch in (0..<7).map { order[7 * epoch + $0] } }
    #expect(epochs.allSatisfy { $0.sorted() == Array(0..<7) } && Set(epochs).count == 4)
    // Also where a run continues.
    #expect((0..<7).map { EpochOrder(of: 7, seed: 3)[14 + $0] } == epochs[2])
    #expect((0..<7).map { EpochOrder(of: 7, seed: 4)[14 + $0] } != epochs[2])
  }

  @Test func balancedClassesHaveEqualWeights() throws {
    #expect(ClassWeights.balanced([0, 2, 0, 0], of: 4) == [4 / 6, 1, 2, 1])
    let table = Array(
      ("text,label\n" + (0..<20).map { "a\($0),\($0 < 5 ? "x" : "y")\n" }.joined()).utf8)
    let texts = try LabelledTexts(csv: table, file: "t.csv", settings: ClassificationSettings())
    var source = ParameterSource(seed: 1)
    let network = try ClassifierNetwork(
      TrainingConfiguration.small(.classify(.init()), vocabularySize: 256, steps: 1).model,
      classes: 2, using: &source)
    var configuration = TrainingConfiguration.small(
      .classify(.init()), vocabularySize: 256, steps: 1)
    configuration.batchSize = 20
    let logits = network.logits(of: Array("a0".utf8).map { Token($0) })
    #expect(logits.value.shape == [1, 2])
    let losses = try [nil, ClassWeights.balanced].map { weighting in
      let data = try ClassificationData(
        texts, tokenizer: .bytes, validation: texts, weighting: weighting, seed: 1)
      let batch = data.batch(.value, at: network, for: configuration)
      var generator = SeededGenerator(seed: 1)
      data.fill(batch, forStep: 0, of: configuration, using: &generator)
      return batch.run()
    }
    func mean(_ rows: Range<Int>, _ label: Token) -> Double {
      rows.reduce(0) { sum, row in
        let logits = network.logits(of: Array("a\(row)".utf8).map { Token($0) })
        return sum + Double(logits.crossEntropy(targets: [label]).value.scalar) / Double(rows.count)
      }
    }
    let (x, y) = (mean(0..<5, 0), mean(5..<20, 1))
    #expect(abs(losses[0] - (x + 3 * y) / 4) < 1e-5 && abs(losses[1] - (x + y) / 2) < 1e-5)
  }

  @Test func oneClassIsNothingToLearn() throws {
    let texts = try LabelledTexts(
      csv: Array("text,label\na,x\nb,x\n".utf8), file: "t.csv",
      settings: ClassificationSettings())
    let error = #expect(throws: ClassificationError.self) {
      try ClassificationData(texts, tokenizer: .bytes, seed: 1)
    }
    #expect(
      error?.description == "t.csv: all labels are 'x', a classifier needs at least two classes")
  }

  @Test func fingerprintsTellTablesApart() throws {
    func fingerprint(_ text: String) throws -> String {
      let texts = try LabelledTexts(
        csv: Array("text,label\n\(text)".utf8), file: "t.csv", settings: ClassificationSettings())
      return try ClassificationData(
        texts, tokenizer: .bytes, labels: ["x", "y"], seed: 1
      ).fingerprint
    }
    let tables = [
      "ab,x\nc,y\n", "a,x\nbc,y\n", "ab,y\nc,x\n", "ab,x\nc,y\nc,y\n", "c,y\nab,x\n",
    ]
    #expect(Set(try tables.map(fingerprint)).count == tables.count)
    #expect(try fingerprint("\"ab\",x\r\nc,y") == fingerprint(tables[0]))
  }

  // MARK: - Learning

  /// Trains a classifier; returns the last line of its log, and its accuracy on a new table.
  private func learned(
    _ pooling: Pooling, nGrams: NGrams.Settings? = nil, matches: (String) -> Bool
  ) throws -> (log: TrainingRecord, evaluation: ClassificationEvaluation) {
    try withTemporaryDirectory { directory in
      var trainer = try classification(
        patternTable(rows: 1000, matches: matches), steps: 600, in: directory, pooling: pooling
      ) {
        $0.batchSize = 8
        $0.schedule = .warmUpThenCosine(
          peak: 1e-2, warmUpSteps: 10, totalSteps: 600, minimumFraction: 0.1)
        $0.task.classification.nGrams = nGrams
      }
      _ = try trainer.run()
      let model = try ClassifierModel(contentsOf: directory)
      let others = try LabelledTexts(
        csv: patternTable(rows: 200, seed: 2, matches: matches), file: "o.csv",
        settings: ClassificationSettings())
      let evaluation = try ClassificationReport(
        of: model, over: others.tokens(by: model.tokenizer),
        classes: others.classes(among: model.labels)
      ).evaluation
      return (try #require(log(in: directory).last), evaluation)
    }
  }

  @Test(arguments: [Pooling.mean, .max])
  func learnsWhetherAPatternIsThere(_ pooling: Pooling) throws {
    let (log, evaluation) = try learned(pooling) { $0.contains("ab") }
    let found = try #require(log.classification)
    #expect(found.texts == 100 && found.commonestClass < 0.7)
    #expect(found.accuracy > 0.9, "\(found)")
    #expect(log.validationLoss == found.loss)
    #expect(evaluation.accuracy > 0.85, "\(evaluation)")
  }

  @Test func nGramsLearnPatternsExactly() throws {
    let (log, evaluation) = try learned(.mean, nGrams: .init(longest: 2, buckets: 1024)) {
      $0.contains("ab")
    }
    #expect(log.classification?.accuracy ?? 0 > 0.98, "\(log)")
    #expect(evaluation.accuracy > 0.98, "\(evaluation)")
  }

  @Test(arguments: [Pooling.last])
  func learnsHowTextsEnd(_ pooling: Pooling) throws {
    let (log, evaluation) = try learned(pooling) { $0.hasSuffix("a") || $0.hasSuffix("b") }
    let found = try #require(log.classification)
    #expect(found.commonestClass < 0.7)
    #expect(found.accuracy > 0.95, "\(found)")
    #expect(evaluation.accuracy > 0.95, "\(evaluation)")
  }

  // MARK: - Measures

  @Test func evaluationIsTheMeanOverTexts() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory).model
      let texts = try LabelledTexts(
        csv: patternTable(rows: 30, seed: 3), file: "o.csv", settings: ClassificationSettings())
      let tokens = try texts.tokens(by: model.tokenizer)
      let classes = try texts.classes(among: model.labels)
      let report = try ClassificationReport(of: model, over: tokens, classes: classes)
      let found = report.evaluation
      var (loss, right) = (0.0, 0)
      var confusion = [[0, 0], [0, 0]]
      for (tokens, label) in zip(tokens, classes) {
        let logits = model.network.logits(of: tokens)
        loss += Double(logits.crossEntropy(targets: [Token(label)]).value.scalar) / 30
        let scalars = logits.value.scalars
        right += scalars[label] == scalars.max() ? 1 : 0
        confusion[label][scalars.firstIndex(of: scalars.max()!)!] += 1
        let prediction = model.prediction(of: tokens)
        #expect(prediction.label == model.labels[scalars.firstIndex(of: scalars.max()!)!])
        #expect((0.5...1).contains(prediction.probability))
      }
      #expect(found.texts == 30 && found.accuracy == Double(right) / 30)
      #expect(abs(found.loss - loss) < 1e-5)
      #expect(report.confusion == confusion)
      let yes = classes.count { $0 == 1 }
      #expect(found.commonestClass == Double(max(yes, 30 - yes)) / 30)
      for threads in 2...3 {
        let again = try computing(threads: threads) {
          try ClassificationReport(of: model, over: tokens, classes: classes)
        }
        #expect(again == report)
      }
    }
  }

  @Test func scoresFollowFromCounts() throws {
    typealias Scores = ClassificationReport.ClassScores
    let scores = Scores("x", right: 3, predictions: 4, texts: 6)
    #expect(scores.precision == 0.75 && scores.recall == 0.5)
    let mean = 2 * 0.75 * 0.5 / (0.75 + 0.5)
    #expect(abs((scores.f1 ?? 0) - mean) < 1e-12)
    let missed = Scores("x", right: 0, predictions: 0, texts: 6)
    #expect(missed.precision == nil && missed.recall == 0 && missed.f1 == 0)
    let absent = Scores("x", right: 0, predictions: 0, texts: 0)
    #expect(absent.recall == nil && absent.f1 == nil)
  }

  @Test func textsAreClassifiedInOneLine() throws {
    try withTemporaryDirectory { directory in
      var trainer = try classification(steps: 2, in: directory) {
        $0.task.classification.nGrams = .init(longest: 3, buckets: 64)
      }
      _ = try trainer.run()
      for text in ["abcd", ""] {
        let found = try TextClassifier(contentsOf: directory).classify(text)
        let model = try ClassifierModel(contentsOf: directory)
        let expected = model.predictions(of: try model.tokenizer.encode(Array(text.utf8)))
        #expect(Set(found.map(\.label)) == ["no", "yes"])
        #expect(found[0].probability >= found[1].probability)
        #expect(abs(found.reduce(0) { $0 + $1.probability } - 1) < 1e-12)
        for prediction in found { #expect(expected.contains(prediction)) }
      }
      #expect(throws: TokenizerError.self) {
        try TextClassifier(contentsOf: directory).classify("xyz")
      }
    }
  }

  @Test func predictionsAreATable() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory).model
      let texts = try LabelledTexts(
        csv: Array("text,no\nab,7\n\"cd\",\"8,9\"\n".utf8), file: "o.csv", textColumn: "text",
        labelColumn: nil, idColumn: "no")
      let tokens = try texts.tokens(by: model.tokenizer)
      let lines = try model.table(of: tokens).split(separator: "\n")
      #expect(lines.count == 3 && lines[0] == "label,probability")
      let every = try model.table(of: tokens, ids: texts.ids, everyClass: true)
        .split(separator: "\n")
      #expect(every[0] == "no,label,probability,probability_no,probability_yes")
      for (row, text) in ["ab", "cd"].enumerated() {
        let tokens = try model.tokenizer.encode(Array(text.utf8))
        let expected = model.prediction(of: tokens)
        let fields = lines[row + 1].split(separator: ",")
        #expect(fields[0] == expected.label)
        #expect(abs(try #require(Double(fields[1])) - expected.probability) <= 5e-7)
        let id = ["7,", "\"8,9\","][row]
        #expect(every[row + 1].hasPrefix(id + lines[row + 1]))
        let all = try every[row + 1].split(separator: ",").suffix(2).map {
          try #require(Double($0))
        }
        for (found, expected) in zip(all, model.predictions(of: tokens)) {
          #expect(abs(found - expected.probability) <= 5e-7)
        }
      }
    }
  }

  // MARK: - Files

  @Test func filesGiveTheModelBack() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory, pooling: .last) {
        $0.task.classification.nGrams = .init(longest: 2, buckets: 9)
      }.model
      let path = directory + "/file"
      try model.write(to: path)
      let found = try ClassifierModel(contentsOf: path)
      #expect(found.labels == ["no", "yes"] && found.tokenizer == model.tokenizer)
      #expect(found.network.pooling == .last)
      #expect(found.network.nGrams?.settings == .init(longest: 2, buckets: 9))
      #expect(found.network.stateDictionary == model.network.stateDictionary)
      guard case .classify(let any) = try AnyModel(contentsOf: path) else {
        Issue.record("another task")
        return
      }
      #expect(any.network.stateDictionary == model.network.stateDictionary)
    }
  }

  @Test(arguments: [
    ("labels", nil, "it has no 'labels' in its metadata"),
    ("labels", "[", "its 'labels' cannot be read: "),
    ("labels", "[]", "it has no labels"),
    ("labels", "[\"a\"]", "the configuration needs "),
    ("pooling", "median", "its pooling 'median' is unknown"),
    ("n_grams", "[", "its 'n_grams' cannot be read: "),
    ("n_grams", "{\"buckets\":0,\"longest\":2}", "buckets is 0, it has to be from 1"),
    ("n_grams", "{\"buckets\":5,\"longest\":2}", "the configuration needs "),
    ("task", "dance", "its task 'dance' is unknown"),
    ("task", "forecast", "its task is forecast, expected a model for the task classify"),
    ("task", nil, "its task is text, expected a model for the task classify"),
    ("tokenizer", "bytes", "its tokenizer has 256 tokens, its configuration 4"),
  ])
  func changedFilesAreRefused(key: String, value: String?, sentence: String) throws {
    try withTemporaryDirectory { directory in
      var file = try classification(steps: 1, in: directory).model.encoded()
      file.metadata[key] = value
      let path = directory + "/file"
      try file.write(to: path)
      let error = #expect(throws: (any Error).self) { try ClassifierModel(contentsOf: path) }
      #expect("\(error!)".hasPrefix("\(path): "))
      #expect("\(error!)".contains(sentence), "\(error!)")
    }
  }
}
