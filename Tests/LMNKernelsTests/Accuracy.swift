import LMNKernels
import LMNTestSupport
import Testing

/// Error bounds of the results of a kernel call.
///
/// The reference computes in double precision and rounds each result once; that rounding is
/// included.
struct Accuracy: Sendable {
  /// A bound for each element of each output, from the reference's results.
  let bounds: @Sendable (KernelCall, _ expected: [[Float]]) -> [[Double]]

  /// Bounds of 0: equal results.
  static let exact = Accuracy { _, expected in expected.map { $0.map { _ in 0 } } }

  /// Bounds of sums and products of the inputs: `Rounding.error` of the longest chain of roundings,
  /// which may depend on output and element, times the magnitude, the reference's result on the
  /// inputs' absolute values.
  static func polynomial(
    roundings: @escaping @Sendable (_ output: Int, _ element: Int) -> Int
  ) -> Accuracy {
    Accuracy { call, _ in
      let magnitudes = call.results(
        in: InstructionSet.reference.context(), inputs: call.inputs.map { $0.map(abs) })
      return magnitudes.enumerated().map { output, magnitudes in
        magnitudes.enumerated().map { element, magnitude in
          Rounding.error(roundings(output, element)) * Double(magnitude)
        }
      }
    }
  }

  static func polynomial(roundings: Int) -> Accuracy { polynomial { _, _ in roundings } }

  /// Relative bounds of results without cancellation, from the roundings of each output.
  static func relative(roundings: [Int]) -> Accuracy {
    Accuracy { _, expected in
      zip(expected, roundings).map { expected, roundings in
        expected.map { Rounding.error(roundings) * Double(abs($0)) }
      }
    }
  }

  /// Other bounds, from the reference's results.
  static func bounded(by bounds: @escaping @Sendable ([[Float]]) -> [[Double]]) -> Accuracy {
    Accuracy { _, expected in bounds(expected) }
  }
}
