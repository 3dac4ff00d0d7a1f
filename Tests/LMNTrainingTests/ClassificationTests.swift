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
    _ pooling: Pooling, matches: (String) -> Bool
  ) throws -> (log: TrainingRecord, evaluation: ClassificationEvaluation) {
    try withTemporaryDirectory { directory in
      var trainer = try classification(
        patternTable(rows: 1000, matches: matches), steps: 300, in: directory, pooling: pooling
      ) { $0.batchSize = 8 }
      _ = try trainer.run()
      let model = try ClassifierModel(contentsOf: directory)
      let others = try LabelledTexts(
        csv: patternTable(rows: 200, seed: 2, matches: matches), file: "o.csv",
        settings: ClassificationSettings())
      let evaluation = try ClassificationEvaluation(
        of: model, over: others.tokens(by: model.tokenizer),
        classes: others.classes(among: model.labels))
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
      let found = try ClassificationEvaluation(of: model, over: tokens, classes: classes)
      var (loss, right) = (0.0, 0)
      for (tokens, label) in zip(tokens, classes) {
        let logits = model.network.logits(of: tokens)
        loss += Double(logits.crossEntropy(targets: [Token(label)]).value.scalar) / 30
        let scalars = logits.value.scalars
        right += scalars[label] == scalars.max() ? 1 : 0
        let prediction = model.prediction(of: tokens)
        #expect(prediction.label == model.labels[scalars.firstIndex(of: scalars.max()!)!])
        #expect((0.5...1).contains(prediction.probability))
      }
      #expect(found.texts == 30 && found.accuracy == Double(right) / 30)
      #expect(abs(found.loss - loss) < 1e-5)
      let yes = classes.count { $0 == 1 }
      #expect(found.commonestClass == Double(max(yes, 30 - yes)) / 30)
      for threads in 2...3 {
        let again = try computing(threads: threads) {
          try ClassificationEvaluation(of: model, over: tokens, classes: classes)
        }
        #expect(again == found)
      }
    }
  }

  @Test func predictionsAreATable() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory).model
      let texts = try LabelledTexts(
        csv: Array("text\nab\n\"cd\"\n".utf8), file: "o.csv", textColumn: "text", labelColumn: nil)
      let lines = try model.predictions(of: texts.tokens(by: model.tokenizer))
        .split(separator: "\n")
      #expect(lines.count == 3 && lines[0] == "label,probability")
      for (line, text) in zip(lines.dropFirst(), ["ab", "cd"]) {
        let expected = model.prediction(of: try model.tokenizer.encode(Array(text.utf8)))
        let fields = line.split(separator: ",")
        #expect(fields[0] == expected.label)
        #expect(abs(try #require(Double(fields[1])) - expected.probability) <= 5e-7)
      }
    }
  }

  // MARK: - Files

  @Test func filesGiveTheModelBack() throws {
    try withTemporaryDirectory { directory in
      let model = try classification(steps: 1, in: directory, pooling: .last).model
      let path = directory + "/file"
      try model.write(to: path)
      let found = try ClassifierModel(contentsOf: path)
      #expect(found.labels == ["no", "yes"] && found.tokenizer == model.tokenizer)
      #expect(found.network.pooling == .last)
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
