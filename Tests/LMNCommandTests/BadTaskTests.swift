import Foundation
import LMN
import LMNTestSupport
import Testing

/// Tables and flags that do not fit a task.
@Suite struct BadTaskTests {
  @Test(arguments: [
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
    (["text.txt", "--horizon", "2"], "--horizon has no meaning without --carry"),
    (["text.txt", "--replay"], "--replay has no meaning without --carry"),
    (["series.csv", "--task", "forecast", "--replay"], "--replay has no meaning"),
    (["text.txt", "--carry", "--horizon", "0"], "horizon is 0, it has to be 1 to 16777216"),
    (
      [
        "text.txt", "--carry", "--positions", "learned", "--maximum-length", "1000", "--horizon",
        "2",
      ],
      "block length times horizon is 1024, it has to be at most 1000, the number of learned positions"
    ),
    (["--task", "classify"], "The task classify needs a training file"),
    (["--task", "forecast"], "The task forecast needs a training file"),
    (["series.csv", "--task", "sing"], "The value 'sing' is invalid for '--task <task>'"),
    (["series.csv", "--task", "forecast", "--channels", "a,b,a"], "--channels names 'a' twice"),
    (
      ["series.csv", "--task", "forecast", "--channels", "load", "--horizon", "0"],
      "horizon is 0, it has to be from 1 to 16777216"
    ),
    (["words.csv", "--task", "classify", "--pooling", "sum"], "The value 'sum' is invalid for"),
    (
      ["words.csv", "--task", "classify", "--pooling", "none", "--n-grams", "0"],
      "--pooling none leaves the classes to n-grams, and --n-grams is 0"
    ),
    (["text.txt", "--n-grams", "2"], "--n-grams has no meaning for the task text"),
    (["text.txt", "--class-weights", "balanced"], "--class-weights has no meaning for the task"),
    (
      ["words.csv", "--task", "classify", "--n-grams", "17"],
      "--n-grams is 17, it has to be from 1 to 16"
    ),
    (
      ["words.csv", "--task", "classify", "--n-grams", "0", "--buckets", "9"],
      "--buckets has no meaning without n-grams"
    ),
    (["words.csv", "--task", "classify", "--buckets", "0"], "--buckets is 0, it has to be from 1"),
    (["words.csv", "--task", "classify", "--lags", "3"], "--lags has no meaning for the task"),
    (["text.txt", "--delimiter", ";"], "--delimiter has no meaning for the task text"),
    (
      ["series.csv", "--task", "forecast", "--delimiter", "ab"], "it has to be one ASCII character"
    ),
    (
      ["series.csv", "--task", "forecast", "--decimal-comma"], "--decimal-comma needs a --delimiter"
    ),
    (
      ["series.csv", "--task", "forecast", "--quantiles", "0.5,0.1"],
      "it has to be ascending numbers between 0 and 1"
    ),
    (
      ["series.csv", "--task", "forecast", "--quantiles", "0.5", "--objective", "mse"],
      "not by --objective mse"
    ),
    (
      ["series.csv", "--task", "forecast", "--channels", "load", "--lags", "1"],
      "--lags is 1, it has to be from 2"
    ),
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
        "series.csv: line 2, column 1 'date': '2020-0' is not a number; --channels names the columns to "
          + "forecast")
      try expectRefusal(
        forecast + ["--channels", "load,wind"], in: directory,
        "series.csv: there is no column 'wind'; the header names date, load, temp")
      try expectRefusal(
        forecast + ["--channels", "load", "--block-length", "108"], in: directory,
        "series.csv: the series is too short: 108 of its 120 rows are in the training part, "
          + "but this block length and horizon need at least 109")
      try expectRefusal(
        ["train", "series.csv", "--task", "classify", "--output", "run"], in: directory,
        "series.csv: there is no column 'text'; the header names date, load, temp")
      try write("text,label\na,x\nb,x\n", to: directory + "/one.csv")
      try expectRefusal(
        ["train", "one.csv", "--task", "classify", "--output", "run"], in: directory,
        "one.csv: all labels are 'x', a classifier needs at least two classes")
      try write("text,label\na,x\nb\n", to: directory + "/short.csv")
      try expectRefusal(
        ["train", "short.csv", "--task", "classify", "--output", "run"], in: directory,
        "short.csv: line 3: there are 1 fields, the header has 2")
    }
  }

  @Test func modelsOfOtherTasksAreRefused() throws {
    try withTables { directory in
      #expect(try trainClassifier(in: directory).status == 0)
      #expect(try trainForecaster(in: directory).status == 0)
      try writeSmallModel(to: directory + "/t")
      for (model, task) in [("c", "classify"), ("f", "forecast")] {
        try expectRefusal(
          ["generate", "--model", model, "--prompt", "a"], in: directory,
          "\(model)/best.safetensors: its task is \(task), expected a model for the task text"
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
        "new.csv: line 3, column 2 'label': 'D' is not a label of the model: A, B, C")
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
      #expect(try trainClassifier(in: directory).status == 0)
      #expect(try trainForecaster(in: directory).status == 0)
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
