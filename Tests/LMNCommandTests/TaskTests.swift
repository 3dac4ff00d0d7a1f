import Foundation
import LMN
import LMNTestSupport
import Testing

/// The three tasks, from training to predictions.
@Suite struct TaskTests {
  private func train(_ flags: String..., in directory: String) throws -> Command.Result {
    try Command(["train"] + flags + smallFlags, in: directory).finish()
  }

  /// All tasks have the memory's flags, and a resumed run refuses other values.
  @Test func everyTaskHasTheMemorysFlags() throws {
    let flags = ["--arity", "4", "--window", "3", "--pinned", "2"]
    try withTables { directory in
      for (output, arguments) in [
        ("text", ["text.txt"]), ("classes", ["words.csv", "--task", "classify"]),
        ("series", ["series.csv", "--task", "forecast", "--channels", "load"]),
      ] {
        let train = ["train"] + arguments + smallFlags + ["--output", output]
        let trained = try Command(train + flags + ["--steps", "2"], in: directory).finish()
        #expect(trained.status == 0, "\(trained.errors)")
        let model = try AnyModel(contentsOf: directory + "/" + output)
        let network = try #require(model.network as? any Network)
        let configuration = network.configuration
        #expect(
          (
            configuration.logarithmic.arity, configuration.logarithmic.window,
            configuration.logarithmic.pinned
          ) == (4, 3, 2),
          "\(output)")
        #expect(
          try Command.run("evaluate", "--model", output, arguments[0], in: directory).status == 0)
        let resumed = try Command(
          train + ["--resume", "--arity", "3", "--steps", "3"], in: directory
        ).finish()
        #expect(resumed.status == 2 && resumed.errors.contains("--arity"), "\(resumed.errors)")
      }
    }
  }

  // MARK: - Classification

  @Test func classifiersCanBeUsed() throws {
    try withTables { directory in
      let trained = try trainClassifier("--pooling", "last", "--evaluate-every", "3", in: directory)
      #expect(trained.status == 0)
      #expect(
        trained.output.contains(
          /^loss \d\.\d{4} nats per text, accuracy \d+\.\d % \(always the commonest class: .* %\), macro F1 \d+\.\d %, 6 texts\nclass  texts  precision  .*\nA .*\nB .*\nC .*\ntexts of a class \(row\) by predicted class \(column\)\n   A  B  C\nA  .*\n/
        ))
      #expect(trained.errors.contains(", 3 classes, 1 thread, "))
      let log = try String(
        decoding: AtomicFile.contents(of: directory + "/c/log.jsonl"), as: UTF8.self)
      #expect(log.contains(#""classification":{"accuracy":"#))

      let predicted = try Command.run("predict", "--model", "c", "words.csv", in: directory)
      #expect(predicted.status == 0 && predicted.errors.isEmpty)
      let lines = predicted.output.split(separator: "\n")
      #expect(lines.count == 61 && lines[0] == "label,probability")
      for line in lines.dropFirst() { #expect(line.contains(/^[ABC],[01]\.\d+$/)) }
      let every = try Command.run(
        "predict", "--model", "c", "words.csv", "--probabilities", "--id-column", "id",
        in: directory
      ).output.split(separator: "\n")
      #expect(every[0] == "id,label,probability,probability_A,probability_B,probability_C")
      #expect(every[8].hasPrefix("7," + lines[8] + ","))
      let piped = try Command.run(
        "predict", "--model", "c/best.safetensors", "-", "--text-column", "id", in: directory,
        input: "id\naxy\n")
      #expect(piped.status == 0 && piped.output.split(separator: "\n").count == 2)

      let report = try Command.run(
        "evaluate", "--model", "c", "words.csv", "--json", in: directory
      ).json()
      #expect(
        Set(report.keys) == [
          "accuracy", "classes", "commonest_class", "confusion", "loss", "macro_f1", "texts",
        ])
      #expect((report["confusion"] as? [[Int]])?.map { $0.reduce(0, +) } == [20, 20, 20])
      let scores = try #require((report["classes"] as? [[String: Any]])?.last)
      #expect(scores["label"] as? String == "C" && scores["recall"] is Double)
      #expect(report["texts"] as? Int == 60)
      let text = try Command.run("evaluate", "--model", "c", "words.csv", in: directory)
      #expect(
        text.output.contains(/\(always the commonest class: 33.3 %\), macro F1 .*, 60 texts\n/))

      let info = try Command.run("info", "--model", "c", in: directory).output
      #expect(
        info.contains(
          "\ntask             classify\nclasses          3: A, B, C\npooling          last\n"
            + "n-grams          of 1 to 5 tokens, 4096 buckets\n"))
      let model = try #require(
        try Command.run("info", "--model", "c", "--json", in: directory).json()["model"]
          as? [String: Any])
      #expect(model["task"] as? String == "classify")
      #expect(model["labels"] as? [String] == ["A", "B", "C"])
    }
  }

  /// Without flags a run has five epochs of 32 texts, and validates after each; flags of n-grams and
  /// weights are kept, and a run that begins with a model has its n-grams.
  @Test func runsOnTextsHaveEpochs() throws {
    try withTables { directory in
      func configuration(_ flags: [String]) throws -> TrainingConfiguration {
        let result = try Command(
          [
            "train", "words.csv", "--task", "classify", "--output", "e", "--width", "8", "--layers",
            "1",
          ]
            + flags, in: directory
        ).finish()
        #expect(result.status == 0, "\(result.errors)")
        defer { try? FileManager.default.removeItem(atPath: directory + "/e") }
        return try JSONDecoder().decode(
          TrainingConfiguration.self,
          from: Data(try AtomicFile.contents(of: directory + "/e/configuration.json")))
      }
      let usual = try configuration([])
      #expect(
        (usual.batchSize, usual.steps, usual.evaluateEvery, usual.saveEvery) == (32, 10, 2, 2))
      #expect(usual.task.classification.nGrams == .init(longest: 5, buckets: 4096))
      let given = try configuration([
        "--n-grams", "2", "--buckets", "77", "--class-weights", "balanced", "--steps", "3",
      ])
      #expect(given.task.classification.nGrams == .init(longest: 2, buckets: 77))
      #expect(given.task.classification.classWeights == .balanced && given.steps == 3)
      #expect(try trainClassifier("--n-grams", "0", in: directory).status == 0)
      #expect(try configuration(["--from", "c", "--steps", "1"]).task.classification.nGrams == nil)
      try expectRefusal(
        ["train", "words.csv", "--from", "c", "--output", "e", "--n-grams", "3"], in: directory,
        "--n-grams is 3, but the model to begin with has 0")
      try expectRefusal(
        ["predict", "--model", "c", "words.csv", "--id-column", "no"], in: directory,
        "words.csv: there is no column 'no'; the header names id, text, label")
    }
  }

  /// An empty text has a row, and the others are those without it.
  @Test func emptyTextsAreClassed() throws {
    try withTables { directory in
      for pooling in ["mean", "last", "max"] {
        #expect(try trainClassifier("--pooling", pooling, in: directory).status == 0)
        try write("id,text,label\n1,axy,A\n2,,B\n3,bxy,B\n4,\"\",C\n", to: directory + "/new.csv")
        try write("id,text,label\n1,axy,A\n3,bxy,B\n", to: directory + "/full.csv")
        let found = try Command.run("predict", "--model", "c", "new.csv", in: directory)
        let full = try Command.run("predict", "--model", "c", "full.csv", in: directory)
        #expect(found.status == 0 && full.errors.isEmpty)
        #expect(
          found.errors
            == "new.csv: 2 texts are empty, the first in line 3; their class is that of no token\n")
        let lines = found.output.split(separator: "\n")
        try #require(lines.count == 5)
        #expect([lines[0], lines[1], lines[3]] == full.output.split(separator: "\n"))
        #expect(lines[2] == lines[4] && lines[2].contains(/^[ABC],0\.\d+$/))
        let evaluated = try Command.run("evaluate", "--model", "c", "new.csv", in: directory)
        #expect(evaluated.status == 0 && evaluated.output.contains(", 4 texts\n"))
        try FileManager.default.removeItem(atPath: directory + "/c")
      }
      try write("text\n\n\"\"\n", to: directory + "/empty.csv")
      #expect(try trainClassifier(in: directory).status == 0)
      let none = try Command.run("predict", "--model", "c", "empty.csv", in: directory)
      #expect(none.status == 0 && none.output.split(separator: "\n").count == 3, "\(none.errors)")
      try expectRefusal(
        ["train", "new.csv", "--task", "classify", "--output", "d"], in: directory,
        "new.csv: line 3, column 2 'text': the field is empty")
    }
  }

  /// A class with one row is in one part of the data and absent from the other.
  @Test func classesWithoutARowInAPartAreNoted() throws {
    try withTables { directory in
      let words = String(
        decoding: try AtomicFile.contents(of: directory + "/words.csv"), as: UTF8.self)
      try write(words + "60,dxy,D\n", to: directory + "/words.csv")
      try write(
        "text,label\n" + (0..<40).map { "t\($0),\(["x", "y"][$0 % 2])\n" }.joined(),
        to: directory + "/two.csv")
      /// A seed for which a class is absent from `split`, or from none.
      func seed(for file: String, absentFrom split: Split?) throws -> UInt64 {
        let texts = try LabelledTexts(
          csv: AtomicFile.contents(of: directory + "/" + file), file: file,
          settings: ClassificationSettings())
        return try #require(
          try (1...200).first { seed in
            let data = try ClassificationData(texts, tokenizer: .bytes, seed: seed)
            return Split.allCases.first { !data.absentLabels(in: $0).isEmpty } == split
          })
      }
      for split in Split.allCases {
        let seed = try seed(for: "words.csv", absentFrom: split)
        let trained = try trainClassifier("--seed", "\(seed)", in: directory)
        #expect(trained.status == 0)
        let note = "classes without a row in the \(split) part: "
        let line = try #require(trained.errors.split(separator: "\n").first { $0.hasPrefix(note) })
        #expect(line.contains("'D'"))
        try FileManager.default.removeItem(atPath: directory + "/c")
      }
      let complete = try seed(for: "two.csv", absentFrom: nil)
      let trained = try train(
        "two.csv", "--task", "classify", "--output", "t", "--seed", "\(complete)", "--steps", "1",
        in: directory)
      #expect(trained.status == 0 && !trained.errors.contains("without a row"))
    }
  }

  @Test func reportsOfClassificationsAreJSON() throws {
    try withTables { directory in
      let report = try trainClassifier("--json", in: directory).json()
      #expect(
        Set(report.keys) == [
          "classification", "directory", "loss", "parameters", "seconds", "skipped_updates", "step",
          "validation_loss",
        ])
    }
  }

  @Test func otherColumnsCanBeClassed() throws {
    try withTables { directory in
      let trained = try trainClassifier(
        "--text-column", "label", "--label-column", "text", "--tokenizer", "characters",
        in: directory)
      #expect(trained.status == 0 && trained.errors.contains(", 15 classes, "))
      let kept = try JSONDecoder().decode(
        TrainingConfiguration.self,
        from: Data(try AtomicFile.contents(of: directory + "/c/configuration.json")))
      #expect(kept.task.classification.textColumn == "label")
      #expect(kept.task.classification.labelColumn == "text")
      #expect(kept.model.vocabularySize == 3)
    }
  }

  @Test func cutTextsAreNoted() throws {
    try withTables { directory in
      let trained = try trainClassifier("--block-length", "4", in: directory)
      #expect(trained.errors.hasPrefix("the longest text has 11 tokens; training truncates to 4\n"))
      #expect(
        !(try train("words.csv", "--task", "classify", "--steps", "1", in: directory).errors)
          .contains("longest"))
    }
  }

  // MARK: - Forecast

  @Test func forecastersCanBeUsed() throws {
    try withTables { directory in
      let trained = try trainForecaster("--objective", "mae", in: directory)
      #expect(trained.status == 0 && trained.errors.contains(", 2 channels, 1 thread, "))
      #expect(
        trained.output.split(separator: "\n").map {
          $0.prefix(11).trimmingCharacters(in: .whitespaces)
        }
          == ["", "model", "last value", "mean"])
      let log = try String(
        decoding: AtomicFile.contents(of: directory + "/f/log.jsonl"), as: UTF8.self)
      #expect(log.contains(#""forecast":{"last_value":{"mae":"#))

      let predicted = try Command.run("predict", "--model", "f", "series.csv", in: directory)
      #expect(predicted.status == 0 && predicted.errors.isEmpty)
      let lines = predicted.output.split(separator: "\n")
      #expect(lines.count == 4 && lines[0] == "temp,load")
      for line in lines.dropFirst() {
        let values = line.split(separator: ",").compactMap { Double($0) }
        #expect(values.count == 2 && abs(values[0] + 3) < 1 && abs(values[1] - 50) < 50)
      }

      let report = try Command.run(
        "evaluate", "--model", "f", "series.csv", "--json", "--block-length", "30", in: directory
      ).json()
      #expect(Set(report.keys) == ["blocks", "rolling", "streaming"])
      let stream = try #require(report["streaming"] as? [String: Any])
      #expect(Set(stream.keys) == ["last_value", "mean", "model", "values"])
      #expect(stream["values"] as? Int == 2 * (3 * 117 + 2 + 1))
      let errors = try #require(stream["model"] as? [String: Double])
      #expect(Set(errors.keys) == ["mae", "mae_own_units", "mse", "mse_own_units"])
      let text = try Command.run(
        "evaluate", "--model", "f", "series.csv", "--block-length", "30", in: directory)
      #expect(text.output.contains("one stream\n") && text.output.contains("\nblocks of 30\n"))

      let info = try Command.run("info", "--model", "f", in: directory).output
      #expect(
        info.contains(
          "\ntask             forecast\nchannels         2: temp, load\nhorizon          3\n"))
    }
  }

  /// From a table with dates, gaps and a decimal comma to forecasts with dates, intervals and a chart.
  @Test func tablesAreReadAsTheyAre() throws {
    try withTemporaryDirectory { directory in
      let rows = (1...60).map { row in
        let day =
          row < 32
          ? "2020-01-\(row < 10 ? "0" : "")\(row)" : "2020-02-\(row < 41 ? "0" : "")\(row - 31)"
        let value = row == 7 ? "" : "\(row % 7),\(row % 10)"
        return "\(day);\(value);\(row % 2)\n"
      }
      // The row of day 20 is missing, and the covariate is known for three days more.
      let text = "day;sold;open\n" + (rows[..<19] + rows[20..<57]).joined()
      let known = rows[57...].map { $0.split(separator: ";")[0] + ";;1\n" }.joined()
      try write(text + known, to: directory + "/s.csv")
      let format = ["--delimiter", ";", "--decimal-comma", "--missing", "interpolate"]
      let train =
        ["train", "s.csv", "--task", "forecast", "--covariates", "open", "--horizon", "3"]
        + ["--quantiles", "0.1,0.5,0.9", "--output", "f", "--steps", "2", "--threads", "1"]
      let trained = try Command(train + format, in: directory).finish()
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(trained.errors.hasPrefix("s.csv: 3 missing values are filled\n"))

      let predicted = try Command(
        ["predict", "--model", "f", "s.csv", "--plot", "f.svg"] + format.dropLast(2), in: directory
      ).finish()
      #expect(predicted.status == 0, "\(predicted.errors)")
      let lines = predicted.output.split(separator: "\n")
      #expect(lines[0] == "day,sold,sold_0.1,sold_0.9")
      #expect(
        lines.dropFirst().map { $0.prefix(11) } == ["2020-02-27,", "2020-02-28,", "2020-02-29,"])
      let chart = String(
        decoding: try AtomicFile.contents(of: directory + "/f.svg"), as: UTF8.self)
      #expect(chart.hasPrefix("<svg") && chart.contains("rows after 2020-02-26"))

      let report = try Command(
        ["evaluate", "--model", "f", "s.csv", "--from", "50", "--season", "7", "--json"]
          + format.dropLast(2), in: directory
      ).finish().json()
      let rolling = try #require(report["rolling"] as? [String: Any])
      #expect(rolling["origins"] as? Int == 6 && rolling["season"] as? Int == 7)
      #expect((rolling["intervals"] as? [Any])?.count == 1)
      for name in ["model", "last_value", "seasonal_naive", "ridge", "mean"] {
        #expect(rolling[name] != nil, "\(name)")
      }
      // The reasons come after the note on filled values.
      for (arguments, sentence) in [
        (["predict", "--model", "f", "s.csv", "--plot", "s.csv"], "s.csv is read by this command"),
        (["evaluate", "--model", "f", "s.csv", "--from", "56"], "at row 56 of 57"),
      ] {
        let refused = try Command(arguments + format, in: directory).finish()
        #expect(refused.status == 2 && refused.output.isEmpty)
        #expect(refused.errors.contains(sentence), "\(refused.errors)")
      }
      try expectRefusal(
        ["predict", "--model", "f", "s.csv"], in: directory,
        "s.csv: line 2: there are 2 fields, the header has 1")
    }
  }

  // MARK: - Resuming

  /// Resuming needs no flag for the task.
  @Test func runsGoOnExactly() throws {
    try withTables { directory in
      let runs: [(make: (String, String) throws -> Command.Result, file: String, name: String)] = [
        // A constant learning rate does not depend on the number of steps.
        (
          { try trainClassifier("--steps", $0, "--schedule", "constant", in: $1) }, "words.csv", "c"
        ),
        (
          { try trainForecaster("--steps", $0, "--schedule", "constant", in: $1) }, "series.csv",
          "f"
        ),
      ]
      for (make, file, name) in runs {
        #expect(try make("12", directory).status == 0)
        let path = directory + "/\(name)/model.safetensors"
        let whole = try AtomicFile.contents(of: path)
        try FileManager.default.removeItem(atPath: directory + "/\(name)")
        #expect(try make("6", directory).status == 0)
        let resumed = try Command.run(
          "train", file, "--output", name, "--resume", "--steps", "12", "--threads", "1",
          in: directory)
        #expect(resumed.status == 0)
        #expect(resumed.errors.hasPrefix("continuing \(name) at step 6\n"))
        #expect(try AtomicFile.contents(of: path) == whole)
      }
    }
  }
}
