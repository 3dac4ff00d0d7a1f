import Foundation
import LMN
import LMNTestSupport
import Testing

/// Flags with invalid values, and wrong usage.
@Suite struct BadFlagTests {
  @Test(arguments: [
    (["--steps", "0"], "--steps is 0, it has to be 1 to 16777216"),
    (["--steps", "-1"], "--steps is -1, it has to be 1 to 16777216"),
    (["--steps", "1.5"], "The value '1.5' is invalid for '--steps <steps>'"),
    (["--steps", "99999999999999999999"], "The value '99999999999999999999' is invalid for"),
    (["--width", "0"], "--width is 0, it has to be from 1 to 16777216"),
    (["--width", "16777216"], "the number of parameters is "),
    (["--heads", "5", "--width", "32"], "5 heads do not divide a width of 32"),
    (["--heads", "0"], "--heads is 0, it has to be from 1 to "),
    (["--layers", "-2"], "--layers is -2, it has to be from 1 to 4096"),
    (["--banks", "0"], "--banks is 0, it has to be from 1 to 16777216"),
    (["--feed-forward", "0"], "--feed-forward is 0, it has to be from 1 to 8"),
    (["--feed-forward", "9"], "--feed-forward is 9, it has to be from 1 to 8"),
    (["--activation", "tanh"], "The value 'tanh' is invalid for '--activation"),
    (["--dropout", "1"], "--dropout is 1.0, it has to be from 0 to below 1"),
    (["--dropout", "-0.1"], "--dropout is -0.1, it has to be from 0 to below 1"),
    (["--dropout", "nan"], "--dropout is nan, it has to be from 0 to below 1"),
    (["--positions", "rotary"], "The value 'rotary' is invalid for '--positions"),
    (["--positions", "learned"], "learned --positions need a --maximum-length"),
    (["--maximum-length", "64"], "--maximum-length is 64, but only learned positions have one"),
    (
      ["--positions", "learned", "--maximum-length", "0"],
      "--maximum-length is 0, it has to be from 1 to 16777216"
    ),
    (
      ["--positions", "learned", "--maximum-length", "64", "--block-length", "65"],
      "--block-length is 65, it has to be at most 64, the number of learned positions"
    ),
    (["--block-length", "0"], "--block-length is 0, it has to be 1 to 16777216"),
    (["--batch-size", "0"], "--batch-size is 0, it has to be 1 to 16777216"),
    (["--learning-rate", "0"], "--learning-rate is 0.0, it has to be above 0 and finite"),
    (["--learning-rate", "-1"], "--learning-rate is -1.0, it has to be above 0 and finite"),
    (["--learning-rate", "nan"], "--learning-rate is nan, it has to be above 0 and finite"),
    (["--learning-rate", "inf"], "--learning-rate is inf, it has to be above 0 and finite"),
    (["--warm-up", "-1"], "--warm-up is -1, it has to be 0 to 16777216"),
    (["--weight-decay", "-0.1"], "--weight-decay is -0.1, it has to be 0 or more and finite"),
    (["--clip", "-1"], "--clip is -1.0, it has to be above 0 and finite"),
    (["--clip", "nan"], "--clip is nan, it has to be above 0 and finite"),
    (["--seed", "-1"], "The value '-1' is invalid for '--seed <seed>'"),
    (["--log-every", "0"], "--log-every is 0, it has to be 1 to 16777216"),
    (["--evaluate-every", "0"], "--evaluate-every is 0, it has to be 1 to 16777216"),
    (["--evaluation-batches", "0"], "--evaluation-batches is 0, it has to be 1 to 16777216"),
    (["--save-every", "0"], "--save-every is 0, it has to be 1 to 16777216"),
    (["--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["--threads", "-1"], "--threads is -1, it has to be from 1 to 1024"),
    (["--preset", "table2"], "The value 'table2' is invalid for '--preset <preset>'"),
    (["--summarizer", "conv"], "The value 'conv' is invalid for '--summarizer"),
    (["--initialisation", "best"], "The value 'best' is invalid for '--initialisation"),
    (["--tokenizer", "words"], "The value 'words' is invalid for '--tokenizer"),
    (["--schedule", "linear"], "The value 'linear' is invalid for '--schedule"),
    (["--output", ""], "--output is empty, it has to name a directory"),
    (["--speed", "9"], "Unknown option '--speed'"),
    (["more.txt"], "Unexpected argument 'more.txt'"),
    (["--warm-up", "21", "--steps", "20"], "--warm-up is 21, the run has 20 steps"),
    (["--model", "gpt"], "The value 'gpt' is invalid for '--model <model>'"),
    (["--encoder-layers", "2"], "--encoder-layers has no meaning without --model memformer"),
    (
      ["--decoder-layers", "2", "--model", "network"],
      "--decoder-layers has no meaning without --model memformer"
    ),
    (["--model", "memformer", "--layers", "2"], "--layers has no meaning for a Memformer"),
    (["--model", "memformer", "--window", "2"], "--window has no meaning for a Memformer"),
    (
      ["--model", "memformer", "--initialisation", "reference"],
      "--initialisation has no meaning for a Memformer"
    ),
    (
      ["--model", "memformer", "--encoder-layers", "0"],
      "--encoder-layers is 0, it has to be from 1 to"
    ),
  ])
  func trainRefusesFlags(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--output", "run"] + flags, in: directory, status: 64, sentence)
    }
  }

  /// Errors of memories name the flags that are given, and the keys of other settings.
  @Test(arguments: [
    (["--memory", "linear", "--key-width", "0"], "--key-width is 0, it has to be from"),
    (["--memory", "linear", "--width", "2048", "--heads", "1"], "keyWidth is 2048, it has to be"),
    (["--memory", "mixtureOfMemories", "--top-k", "9"], "--top-k is 9, it has to be from 1 to 4"),
    (["--memory", "stateSpace", "--state-width", "3"], "--state-width is 3, it has to be even"),
    (
      ["--memory", "attention", "--rotary-base", "-1"],
      "--rotary-base is -1.0, it has to be above 0"
    ),
    (["--memory", "slots", "--temperature", "2"], "--temperature is 2.0, it has to be above 0"),
    (
      ["--level-bias", "--maximum-levels", "none"],
      "--level-bias needs --maximum-levels: no bias"
    ),
    (["--window-bias"], "--window-bias needs --window of at least 1: the biases"),
    (["--window-bias", "--window", "0"], "--window-bias needs --window of at least 1: the biases"),
    (
      ["--memory", "attention", "--window", "3", "--window-bias"],
      "--window-bias has no meaning without a memory of the kind logarithmic"
    ),
    (["--maximum-levels", "0"], "--maximum-levels is 0, it has to be from 1 to"),
    (["--model", "memformer", "--feed-forward", "9"], "--feed-forward is 9, it has to be from 1"),
  ])
  func errorsOfMemoriesNameFlags(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["train", "text.txt", "--output", "run"] + flags, in: directory, status: 64,
        "Error: \(sentence)")
    }
  }

  @Test func errorsOfExperimentsNameFlags() throws {
    try withSmallFiles { directory in
      try expectRefusal(
        ["experiment", "recall", "--feed-forward", "9"], in: directory, status: 64,
        "Error: --feed-forward is 9, it has to be from 1 to 8")
      try write(#"{"feedForward": 9}"#, to: directory + "/config.json")
      try expectRefusal(
        ["experiment", "paired", "--config", "config.json"], in: directory, status: 64,
        "Error: config.json: feedForward is 9, it has to be from 1 to 8")
    }
  }

  @Test func resumedRunsRefuseFlags() throws {
    try withSmallFiles { directory in
      let trained = try Command(Command.train + ["text.txt", "--steps", "2"], in: directory)
        .finish()
      #expect(trained.status == 0)
      for (flag, sentence) in [("--steps", "--steps is 0"), ("--save-every", "--save-every is 0")] {
        try expectRefusal(
          ["train", "text.txt", "--output", "run", "--resume", flag, "0"], in: directory,
          status: 64, sentence)
      }
    }
  }

  @Test(arguments: [
    (["--tokens", "-1"], "--tokens is -1, it has to be 0 or more"),
    (["--tokens", "x"], "The value 'x' is invalid for '--tokens <tokens>'"),
    (["--temperature", "-1"], "--temperature is -1.0, it has to be 0 or more"),
    (["--temperature", "nan"], "--temperature is nan, it has to be 0 or more"),
    (["--temperature", "inf"], "--temperature is inf, it has to be 0 or more"),
    (["--top-p", "0"], "--top-p is 0.0, it has to be above 0, at most 1"),
    (["--top-p", "2"], "--top-p is 2.0, it has to be above 0, at most 1"),
    (["--top-k", "0"], "--top-k is 0, it has to be 1 or more"),
    (["--top-k", "-4"], "--top-k is -4, it has to be 1 or more"),
    (["--seed", "-1"], "The value '-1' is invalid for '--seed <seed>'"),
    (["--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["--threads", "1025"], "--threads is 1025, it has to be from 1 to 1024"),
    (["--prompt-file", "text.txt"], "Give --prompt or --prompt-file, not both"),
  ])
  func generateRefusesFlags(flags: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        Command.generate + ["--prompt", "a"] + flags, in: directory, status: 64, sentence)
    }
  }

  @Test(arguments: [
    (
      ["evaluate", "text.txt", "--block-length", "0"], "--block-length is 0, it has to be 1 or more"
    ),
    (["evaluate", "text.txt", "--block-length", "-1"], "--block-length is -1, it has to be"),
    (["evaluate", "text.txt", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["evaluate"], "Missing expected argument '<file>'"),
    (["info", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
  ])
  func reportsRefuseFlags(arguments: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(
        arguments + ["--model", "model.safetensors"], in: directory, status: 64, sentence)
    }
  }

  @Test(arguments: [
    (["verify"], "Missing expected argument '<files> ...'"),
    (["verify", "x", "--tolerance", "0"], "--tolerance is 0.0, it has to be above 0"),
    (["verify", "x", "--tolerance", "-1"], "--tolerance is -1.0, it has to be above 0"),
    (["verify", "x", "--tolerance", "nan"], "--tolerance is nan, it has to be above 0"),
    (["verify", "x", "--threads", "0"], "--threads is 0, it has to be from 1 to 1024"),
    (["generate", "--prompt", "a"], "Missing expected argument '--model <model>'"),
    (["evaluate", "text.txt"], "Missing expected argument '--model <model>'"),
    (["improve"], "Unexpected argument 'improve'"),
    (["--speed"], "Unknown option '--speed'"),
  ])
  func wrongUsageIsRefused(arguments: [String], sentence: String) throws {
    try withSmallFiles { directory in
      try expectRefusal(arguments, in: directory, status: 64, sentence)
    }
  }
}
