import Foundation
import LMN
import LMNTestSupport
import Testing

/// A table of words, labelled by their first letter.
private let words =
  "id,text,label\n"
  + (0..<60).map { row in
    let letter = ["a", "b", "c"][row % 3]
    return
      "\(row),\"\(letter)\(String(repeating: "xy", count: 1 + row % 5))\",\(letter.uppercased())\n"
  }.joined()

/// A table with a column that is no channel.
private let measurements =
  "date,load,temp\n"
  + (0..<120).map { row in
    "2020-\(row),\(50 + 10 * sin(Double(row) / 5)),\(-3 + 0.1 * cos(Double(row) / 7))\n"
  }.joined()

/// The three tasks from a file to a prediction.
@Suite struct TaskTests {
  /// Runs `body` in a directory with both tables and a text.
  private func withTables(_ body: (String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try write(words, to: directory + "/words.csv")
      try write(measurements, to: directory + "/series.csv")
      try write(smallText, to: directory + "/text.txt")
      try body(directory)
    }
  }

  private func train(_ flags: String..., in directory: String) throws -> Command.Result {
    try Command(["train"] + flags + smallFlags, in: directory).finish()
  }

  private func classifier(_ flags: String..., in directory: String) throws -> Command.Result {
    try Command(
      ["train", "words.csv", "--task", "classify", "--output", "c", "--steps", "6"] + smallFlags
        + flags, in: directory
    ).finish()
  }

  private func forecaster(_ flags: String..., in directory: String) throws -> Command.Result {
    try Command(
      [
        "train", "series.csv", "--task", "forecast", "--output", "f", "--steps", "6", "--channels",
        "temp,load", "--horizon", "3",
      ] + smallFlags + flags, in: directory
    ).finish()
  }

  /// What a token, or a row, sees is chosen by the same flags, and no run goes on with another.
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
        let configuration = model.network.configuration
        #expect(
          (configuration.arity, configuration.window, configuration.pinned) == (4, 3, 2),
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
      let trained = try classifier("--pooling", "last", "--evaluate-every", "3", in: directory)
      #expect(trained.status == 0)
      #expect(
        trained.output.contains(
          /^loss \d\.\d{4} nats per text, accuracy \d+\.\d % \(always the commonest class: .* %\), 1 texts\n$/
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
      let piped = try Command.run(
        "predict", "--model", "c/best.safetensors", "-", "--text-column", "id", in: directory,
        input: "id\naxy\n")
      #expect(piped.status == 0 && piped.output.split(separator: "\n").count == 2)

      let report = try Command.run(
        "evaluate", "--model", "c", "words.csv", "--json", in: directory
      ).json()
      #expect(Set(report.keys) == ["accuracy", "commonest_class", "loss", "texts"])
      #expect(report["texts"] as? Int == 60)
      let text = try Command.run("evaluate", "--model", "c", "words.csv", in: directory)
      #expect(text.output.hasSuffix("(always the commonest class: 33.3 %), 60 texts\n"))

      let info = try Command.run("info", "--model", "c", in: directory).output
      #expect(
        info.contains(
          "\ntask             classify\nclasses          3: A, B, C\npooling          last\n"))
      let model = try #require(
        try Command.run("info", "--model", "c", "--json", in: directory).json()["model"]
          as? [String: Any])
      #expect(model["task"] as? String == "classify")
      #expect(model["labels"] as? [String] == ["A", "B", "C"])
    }
  }

  @Test func reportsOfClassificationsAreJSON() throws {
    try withTables { directory in
      let report = try classifier("--json", in: directory).json()
      #expect(
        Set(report.keys) == [
          "classification", "directory", "loss", "parameters", "seconds", "skipped_updates", "step",
          "validation_loss",
        ])
    }
  }

  @Test func otherColumnsCanBeClassed() throws {
    try withTables { directory in
      let trained = try classifier(
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
      let trained = try classifier("--block-length", "4", in: directory)
      #expect(trained.errors.hasPrefix("the longest text has 11 tokens; training reads 4\n"))
      #expect(
        !(try train("words.csv", "--task", "classify", "--steps", "1", in: directory).errors)
          .contains("longest"))
    }
  }

  // MARK: - Forecast

  @Test func forecastersCanBeUsed() throws {
    try withTables { directory in
      let trained = try forecaster("--objective", "mae", in: directory)
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
      #expect(Set(report.keys) == ["blocks", "streaming"])
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

  // MARK: - Going on

  /// Without a flag that says which task it is.
  @Test func runsGoOnExactly() throws {
    try withTables { directory in
      let runs: [(make: (String, String) throws -> Command.Result, file: String, name: String)] = [
        // A constant rate does not depend on how many steps there are.
        ({ try classifier("--steps", $0, "--schedule", "constant", in: $1) }, "words.csv", "c"),
        ({ try forecaster("--steps", $0, "--schedule", "constant", in: $1) }, "series.csv", "f"),
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

  // MARK: - What is refused

  private func expectRefusal(
    _ arguments: [String], in directory: String, status: Int32 = 2, _ sentence: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try files(in: directory)
    let result = try Command(arguments, in: directory).finish()
    #expect(result.status == status && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
    #expect(
      result.errors.hasPrefix("Error: ") && result.errors.contains(sentence),
      "\(result.errors) does not say: \(sentence)", sourceLocation: sourceLocation)
    #expect(try files(in: directory) == before, sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    (["text.txt", "--horizon", "2"], "--horizon has no meaning for the task text"),
    (["text.txt", "--channels", "a"], "--channels has no meaning for the task text"),
    (["text.txt", "--objective", "mse"], "--objective has no meaning for the task text"),
    (["text.txt", "--pooling", "max"], "--pooling has no meaning for the task text"),
    (["text.txt", "--text-column", "a"], "--text-column has no meaning for the task text"),
    (["words.csv", "--task", "classify", "--horizon", "2"], "no meaning for the task classify"),
    (["words.csv", "--task", "classify", "--preset", "table1"], "--preset has no meaning for"),
    (["words.csv", "--task", "classify", "--tied-head"], "--tied-head has no meaning for"),
    (["series.csv", "--task", "forecast", "--label-column", "a"], "--label-column has no meaning"),
    (["series.csv", "--task", "forecast", "--tokenizer", "bytes"], "--tokenizer has no meaning"),
    (["series.csv", "--task", "forecast", "--no-tied-head"], "--tied-head has no meaning for"),
    (
      ["words.csv", "--task", "classify", "--carry"], "--carry has no meaning for the task classify"
    ),
    (
      ["series.csv", "--task", "forecast", "--carry"],
      "--carry has no meaning for the task forecast"
    ),
    (["text.txt", "--flow", "2"], "--flow has no meaning without --carry"),
    (["text.txt", "--carry", "--flow", "0"], "flow is 0, it has to be 1 to 16777216"),
    (
      ["text.txt", "--carry", "--positions", "learned", "--maximum-length", "1000", "--flow", "2"],
      "block length times flow is 1024, it has to be at most 1000, the number of learned positions"
    ),
    (["--task", "classify"], "The task classify needs a file to learn from"),
    (["--task", "forecast"], "The task forecast needs a file to learn from"),
    (["series.csv", "--task", "sing"], "The value 'sing' is invalid for '--task <task>'"),
    (["series.csv", "--task", "forecast", "--channels", "a,b,a"], "--channels names 'a' twice"),
    (
      ["series.csv", "--task", "forecast", "--channels", "load", "--horizon", "0"],
      "horizon is 0, it has to be from 1 to 16777216"
    ),
    (["words.csv", "--task", "classify", "--pooling", "sum"], "The value 'sum' is invalid for"),
  ])
  func flagsOfOtherTasksAreRefused(flags: [String], sentence: String) throws {
    try withTables { directory in
      try expectRefusal(
        ["train", "--output", "run"] + flags, in: directory, status: 64, sentence)
    }
  }

  @Test func placesInTablesAreNamed() throws {
    try withTables { directory in
      let forecast = ["train", "series.csv", "--task", "forecast", "--output", "run"] + smallFlags
      try expectRefusal(
        forecast, in: directory,
        "series.csv: line 2, column 1 'date': '2020-0' is no number; --channels names the columns to "
          + "forecast")
      try expectRefusal(
        forecast + ["--channels", "load,wind"], in: directory,
        "series.csv: there is no column 'wind'; the header names date, load, temp")
      try expectRefusal(
        forecast + ["--channels", "load", "--block-length", "108"], in: directory,
        "series.csv: the series is too short: 108 of its 120 rows are for training, but this block "
          + "length and horizon need at least 109")
      try expectRefusal(
        ["train", "series.csv", "--task", "classify", "--output", "run"], in: directory,
        "series.csv: there is no column 'text'; the header names date, load, temp")
      try write("text,label\na,x\nb,x\n", to: directory + "/one.csv")
      try expectRefusal(
        ["train", "one.csv", "--task", "classify", "--output", "run"], in: directory,
        "one.csv: there is nothing to tell apart, every label is 'x'")
      try write("text,label\na,x\nb\n", to: directory + "/short.csv")
      try expectRefusal(
        ["train", "short.csv", "--task", "classify", "--output", "run"], in: directory,
        "short.csv: line 3: there are 1 fields, the header has 2")
    }
  }

  @Test func modelsOfOtherTasksAreRefused() throws {
    try withTables { directory in
      #expect(try classifier(in: directory).status == 0)
      #expect(try forecaster(in: directory).status == 0)
      try writeSmallModel(to: directory + "/t")
      for (model, task) in [("c", "classify"), ("f", "forecast")] {
        try expectRefusal(
          ["generate", "--model", model, "--prompt", "a"], in: directory,
          "\(model)/model.safetensors: its task is \(task), and only a model for the task text will do"
        )
      }
      try expectRefusal(
        ["predict", "--model", "t", "words.csv"], in: directory,
        "t: its task is text; lmn generate continues a text with it")
      try expectRefusal(
        ["predict", "--model", "f", "words.csv"], in: directory,
        "words.csv: there is no column 'temp'; the header names id, text, label")
      try expectRefusal(
        ["evaluate", "--model", "c", "series.csv"], in: directory,
        "series.csv: there is no column 'text'")
      try write("text,label\na,A\nb,D\n", to: directory + "/new.csv")
      try expectRefusal(
        ["evaluate", "--model", "c", "new.csv"], in: directory,
        "new.csv: line 3, column 2 'label': 'D' is no label that the model knows: A, B, C")
      try write("temp,load\n1,2\n", to: directory + "/row.csv")
      try expectRefusal(
        ["evaluate", "--model", "f", "row.csv"], in: directory,
        "row.csv: there is nothing to forecast in 1 row")
      for (arguments, sentence) in [
        (["predict", "--model", "f", "series.csv", "--text-column", "a"], "--text-column has no"),
        (
          ["evaluate", "--model", "f", "series.csv", "--label-column", "a"], "--label-column has no"
        ),
        (["evaluate", "--model", "t", "text.txt", "--text-column", "a"], "--text-column has no"),
        (
          ["evaluate", "--model", "c", "words.csv", "--block-length", "9"], "--block-length has no"
        ),
      ] { try expectRefusal(arguments, in: directory, status: 64, sentence) }
    }
  }

  @Test func resumedRunsKeepTheirSettings() throws {
    try withTables { directory in
      #expect(try classifier(in: directory).status == 0)
      #expect(try forecaster(in: directory).status == 0)
      func resume(_ file: String, _ run: String, _ flags: String...) -> [String] {
        ["train", file, "--output", run, "--resume", "--steps", "9"] + flags
      }
      for (arguments, sentence) in [
        (
          resume("words.csv", "c", "--task", "forecast"),
          "--task is forecast, but the run to continue has classify"
        ),
        (
          resume("words.csv", "c", "--pooling", "max"),
          "--pooling is max, but the run to continue has mean"
        ),
        (
          resume("words.csv", "c", "--text-column", "id"),
          "--text-column is id, but the run to continue has text"
        ),
        (
          resume("words.csv", "c", "--tokenizer", "characters"),
          "--tokenizer is characters, but the run to continue has bytes"
        ),
        (
          resume("series.csv", "f", "--horizon", "4"),
          "--horizon is 4, but the run to continue has 3"
        ),
        (
          resume("series.csv", "f", "--objective", "mae"),
          "--objective is mae, but the run to continue has mse"
        ),
        (
          resume("series.csv", "f", "--channels", "load"),
          "--channels is load, but the run to continue has temp,load"
        ),
      ] { try expectRefusal(arguments, in: directory, sentence) }
      try expectRefusal(
        resume("series.csv", "f", "--pooling", "max"), in: directory, status: 64,
        "--pooling has no meaning for the task forecast")
      try write(measurements.replacing("2020-7,", with: "2020-7,1"), to: directory + "/other.csv")
      try expectRefusal(
        resume("other.csv", "f"), in: directory, "the run in f was begun with another text")
    }
  }
}
