import Foundation
import LMNTestSupport
import Testing

@Suite struct RecipeTests {
  @Test func anInterruptedRecipeKeepsItsCells() throws {
    try withTemporaryDirectory { directory in
      let command = try Command(
        ["experiment", "scaling", "--quick", "--output", "x/y"], in: directory)
      try command.waitForLine("2/")
      command.send(SIGINT)
      let result = try command.finish()
      #expect(result.status == 130 && result.errors.contains("--resume"), "\(result.errors)")
      let finished = names(in: directory + "/x/y/cells")
      #expect(finished.count >= 2 && finished.allSatisfy { $0.hasSuffix(".json") })
      let cell = try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(directory)/x/y/cells/\(finished[0])")))
      let values = try #require((cell as? [String: Any])?["measurements"] as? [[String: Any]])
      // Time, peak memory and state, measured in a process of its own.
      #expect(values.count == 3 && values.allSatisfy { ($0["value"] as? Double ?? 0) > 0 })
      let again = try Command.run(
        "experiment", "scaling", "--quick", "--output", "x/y", in: directory)
      #expect(again.status == 2 && again.errors.contains("x/y holds an experiment already"))
      let other = try Command.run(
        "experiment", "scaling", "--resume", "--output", "x/y", in: directory)
      #expect(other.status == 2 && other.errors.contains("x/y/configurations.json"))
    }
  }

  @Test(arguments: [
    ["needle", "--quick", "--layers", "2"], ["needle", "--output", "x", "book.txt"],
    ["recall", "--resume", "--vocabulary=65"], ["scaling", "--output", ""],
    ["scaling", "--quick", "--cell", "none"],
  ])
  func refusesFlagsWithoutMeaning(_ arguments: [String]) throws {
    let result = try Command(["experiment"] + arguments, in: "/tmp").finish()
    #expect(result.status == 64, "\(result.errors)")
  }

  @Test(arguments: [
    (
      ["table1", "--quick", "a.txt", "b.txt"], "table1 reads one text, and 'b.txt' is a second one."
    ),
    (["scaling", "--quick", "a.txt"], "scaling reads no file, and 'a.txt' is given."),
  ])
  func refusesMoreFilesThanARecipeReads(_ arguments: [String], message: String) throws {
    let result = try Command(["experiment"] + arguments, in: "/tmp").finish()
    #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
  }

  /// Tables are read before anything is written; an error names the table and the place.
  @Test func namesThePlaceOfAnErrorInATable() throws {
    try withTemporaryDirectory { directory in
      for (name, text) in [("a", "x\n1\n2\n"), ("b", "y,z\n1,2\n3,four\n")] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name).csv"))
      }
      func run(_ recipe: String, _ files: String...) throws -> String {
        let result = try Command(["experiment", recipe, "--quick"] + files, in: directory).finish()
        #expect(result.status == 2, "\(result.errors)")
        return result.errors
      }
      #expect(try run("forecast", "a.csv").contains("a.csv, without its last tenth: the series is"))
      #expect(try run("forecast", "a.csv", "b.csv").contains("b.csv: line 3, column 2"))
      #expect(try run("classify", "b.csv").contains("b.csv"))
      #expect(names(in: directory) == ["a.csv", "b.csv"])
    }
  }
}
