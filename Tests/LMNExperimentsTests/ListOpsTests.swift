import LMNKernels
import LMNLayers
import LMNModel
import LMNTestSupport
import Testing

@testable import LMNExperiments

@Suite struct ListOpsTests {
  private typealias Size = ListOps.Size

  /// Value of the tokens of a tree, read from its end; independent of the generator.
  private func value(of tokens: [Token]) -> Int? {
    var stack: [[Int]] = [[]]
    for token in tokens.reversed() {
      switch token {
      case 0..<10: stack[stack.count - 1].append(Int(token))
      case 14: stack.append([])
      case 10...13:
        guard stack.count > 1 else { return nil }
        // Arguments were read from right to left, which changes no operator's value.
        let arguments = stack.removeLast().sorted()
        guard let least = arguments.first, let most = arguments.last, arguments.count >= 2 else {
          return nil
        }
        let middle = arguments.count / 2
        let median =
          arguments.count % 2 == 1
          ? arguments[middle] : (arguments[middle - 1] + arguments[middle]) / 2
        let values = [least, most, median, arguments.reduce(0, +) % 10]
        stack[stack.count - 1].append(values[Int(token) - 10])
      default: return nil
      }
    }
    return stack.count == 1 && stack[0].count == 1 ? stack[0][0] : nil
  }

  private func depth(of tokens: [Token]) -> Int {
    var (depth, most) = (1, 1)
    for token in tokens {
      if (10...13).contains(token) { depth += 1 }
      most = max(most, depth)
      if token == 14 { depth -= 1 }
    }
    return most
  }

  @Test(arguments: [
    ListOps.Size(lengths: 19..<61, depth: 5, arguments: 5),
    ListOps.Size(lengths: 99..<257, depth: 6, arguments: 8),
  ])
  func examplesAreTreesWithTheirValues(_ size: ListOps.Size) throws {
    let task = try ListOps(trainingSizes: [size], testSizes: [size])
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<100 {
      let example = task.example(of: size, using: &generator)
      #expect(example.inputs.count == task.length(of: size))
      let tokens = Array(example.inputs.drop { $0 == ListOps.padding })
      #expect(size.lengths.contains(tokens.count) && tokens.count > size.lengths.lowerBound)
      #expect(depth(of: tokens) <= size.depth)
      #expect(value(of: tokens) == Int(try #require(example.targets.last)))
      #expect(example.targets.dropLast().allSatisfy { $0 == ignoredTarget })
    }
  }

  /// Statistics of a simulation of the published generator: accepted trees, accuracies of baselines.
  ///
  /// Bounds are four standard deviations of the counts.
  @Test(arguments: [
    (ListOps.Size(lengths: 19..<61, depth: 5, arguments: 5), 0.070, 0.125, 0.255),
    (ListOps.Size(lengths: 49..<129, depth: 6, arguments: 5), 0.017, 0.133, 0.263),
    (ListOps.Size(lengths: 99..<257, depth: 6, arguments: 8), 0.038, 0.181, 0.357),
  ])
  func hasThePublishedStatistics(
    _ size: ListOps.Size, accepted: Double, majority: Double, root: Double
  ) throws {
    var generator = SeededGenerator(seed: 2)
    let tries = 40_000
    let share =
      Double((0..<tries).count { _ in ListOps.tree(size, using: &generator) != nil })
      / Double(tries)
    #expect(abs(share - accepted) < 0.001 + 4 * (accepted / Double(tries)).squareRoot())
    let task = try ListOps(trainingSizes: [size], testSizes: [size])
    let examples = (0..<4000).map { _ in task.example(of: size, using: &generator) }
    let baselines = ListOps.Baselines(of: Array(examples.prefix(2000)))
      .accuracies(on: Array(examples.suffix(2000)))
    #expect(abs(baselines.majority - majority) < 4 * (0.2 / 2000).squareRoot())
    #expect(abs(baselines.root - root) < 4 * (0.25 / 2000).squareRoot())
  }

  @Test func operatorsHaveTheirValues() {
    let values = [3, 8, 0, 5]
    #expect(ListOps.Operator.allCases.map { $0(values) } == [0, 8, 4, 6])
    #expect(ListOps.Operator.median([9, 1, 4]) == 4 && ListOps.Operator.median([2, 3]) == 2)
  }

  @Test func refusesImpossibleSizes() {
    #expect(throws: AnswerTaskError.noSizes) {
      try ListOps(trainingSizes: [], testSizes: [])
    }
    let size = Size(lengths: 500..<2000, depth: 3, arguments: 2)
    #expect(throws: AnswerTaskError.self) {
      try ListOps(trainingSizes: [size], testSizes: [size])
    }
  }
}
