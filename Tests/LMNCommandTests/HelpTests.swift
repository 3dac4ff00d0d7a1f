import Testing

@Suite struct HelpTests {
  private static let subcommands = [
    "train", "generate", "predict", "evaluate", "convert", "verify", "experiment", "benchmark",
    "info",
  ]

  @Test(arguments: [["--help"], ["help"], []])
  func helpListsSubcommandsAndExitCodes(arguments: [String]) throws {
    let result = try Command(arguments, in: "/tmp").finish()
    #expect(result.status == 0 && result.errors.isEmpty)
    for subcommand in Self.subcommands + ["plot"] {
      #expect(result.output.contains("\n  \(subcommand) "))
    }
    // Joined, because help lines are wrapped.
    let words = result.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(
      words.contains(
        """
        Exit codes: 0 success; 1 an error above the tolerance of `lmn verify`; 2 unusable input, \
        failed write or diverged training; 64 wrong usage; 130, 143 and 129 training, \
        generation or a recipe stopped by SIGINT, SIGTERM or SIGHUP, with its state saved.
        """))
  }

  @Test(
    arguments: subcommands.flatMap {
      $0 == "experiment"
        ? [
          "recall", "paired", "segments", "needle", "table1", "scaling", "forecast", "classify",
        ].map { "experiment \($0)" }
        : [$0]
    })
  func everySubcommandHasHelp(subcommand: String) throws {
    let words = subcommand.split(separator: " ").map(String.init)
    for arguments in [words + ["--help"], ["help"] + words] {
      let result = try Command(arguments, in: "/tmp").finish()
      #expect(result.status == 0 && result.errors.isEmpty)
      #expect(result.output.contains("USAGE: lmn \(subcommand) "))
      #expect(result.output.contains("--threads <threads>"))
    }
  }

  @Test func versionIsPrinted() throws {
    let result = try Command.run("--version")
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(try /\d+\.\d+\.\d+\n/.wholeMatch(in: result.output) != nil)
  }

  @Test(arguments: [("bash", "complete "), ("zsh", "#compdef lmn"), ("fish", "complete -c ")])
  func shellsCanComplete(shell: String, sign: String) throws {
    let result = try Command.run("--generate-completion-script", shell)
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.contains(sign))
    for subcommand in Self.subcommands { #expect(result.output.contains(subcommand)) }
    #expect(result.output.contains("summarizer"))
  }
}
