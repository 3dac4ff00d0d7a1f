import Foundation
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

/// A table with a column that is not a channel.
let measurements =
  "date,load,temp\n"
  + (0..<120).map { row in
    "2020-\(row),\(50 + 10 * sin(Double(row) / 5)),\(-3 + 0.1 * cos(Double(row) / 7))\n"
  }.joined()

/// Runs `body` in a directory with both tables and a text.
func withTables(_ body: (String) throws -> Void) throws {
  try withTemporaryDirectory { directory in
    try write(words, to: directory + "/words.csv")
    try write(measurements, to: directory + "/series.csv")
    try write(smallText, to: directory + "/text.txt")
    try body(directory)
  }
}

/// Trains a classifier `c` on the words.
func trainClassifier(_ flags: String..., in directory: String) throws -> Command.Result {
  try Command(
    ["train", "words.csv", "--task", "classify", "--output", "c", "--steps", "6"] + smallFlags
      + flags, in: directory
  ).finish()
}

/// Trains a forecaster `f` on the measurements.
func trainForecaster(_ flags: String..., in directory: String) throws -> Command.Result {
  try Command(
    [
      "train", "series.csv", "--task", "forecast", "--output", "f", "--steps", "6", "--channels",
      "temp,load", "--horizon", "3",
    ] + smallFlags + flags, in: directory
  ).finish()
}
