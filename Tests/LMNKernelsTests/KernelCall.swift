import CLMN
import LMNKernels
import LMNTestSupport
import Synchronization
import Testing

/// A call of one function of CLMN with certain inputs.
struct KernelCall: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let inputs: [[Float]]
  let accuracy: Accuracy
  let function: @Sendable (lmn_context, GuardedArguments, _ inputs: [[Float]]) -> Void
  private let expectation = Expectation()

  init(
    _ description: String, inputs: [[Float]], accuracy: Accuracy,
    function: @escaping @Sendable (lmn_context, GuardedArguments, _ inputs: [[Float]]) -> Void
  ) {
    testDescription = description
    self.inputs = inputs
    self.accuracy = accuracy
    self.function = function
  }

  /// Arrays that the function writes.
  func results(
    in context: lmn_context, inputs: [[Float]]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> [[Float]] {
    GuardedArguments.results(sourceLocation: sourceLocation) {
      function(context, $0, inputs ?? self.inputs)
    }
  }

  /// Expects the reference's results, to the accuracy of the call.
  func expectReferenceResults(
    on instructionSet: InstructionSet, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let actual = results(in: instructionSet.context(), sourceLocation: sourceLocation)
    let (expected, bounds) = expectation.value {
      let expected = results(
        in: InstructionSet.reference.context(), sourceLocation: sourceLocation)
      return (expected, accuracy.bounds(self, expected))
    }
    for index in expected.indices {
      expectClose(
        actual[index], expected[index], within: bounds[index],
        "output \(index) of \(testDescription)", sourceLocation: sourceLocation)
    }
  }

  /// Expects the same bits from one to four threads, however little work they share.
  func expectSameBitsOnAnyThreads(
    on instructionSet: InstructionSet, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    func bits(_ results: [[Float]]) -> [[UInt32]] { results.map { $0.map(\.bitPattern) } }
    let expected = bits(results(in: instructionSet.context(), sourceLocation: sourceLocation))
    for threads in 2...4 {
      let actual = results(
        in: instructionSet.context(threads: threads), sourceLocation: sourceLocation)
      #expect(bits(actual) == expected, "\(threads) threads", sourceLocation: sourceLocation)
      let shared = resultsOfSharedKernels(
        on: instructionSet, threads: threads, sourceLocation: sourceLocation)
      #expect(
        bits(shared) == expected, "\(threads) threads in every kernel",
        sourceLocation: sourceLocation)
    }
  }
}

/// Results and bounds by the reference, computed once per call and shared by all instruction sets.
private final class Expectation: Sendable {
  typealias Value = (results: [[Float]], bounds: [[Double]])
  private let known = Mutex<Value?>(nil)

  func value(_ compute: () -> Value) -> Value {
    if let value = known.withLock({ $0 }) { return value }
    let value = compute()
    known.withLock { $0 = value }
    return value
  }
}

extension InstructionSet {
  /// The sets that are compared with the reference.
  static let tuned = available.filter { $0 != .reference }

  func context(threads: Int = 1) -> lmn_context {
    lmn_context(isa: lmn_isa_named(name), threads: threads)
  }
}
