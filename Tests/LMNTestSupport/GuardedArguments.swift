public import Testing

/// The arrays of one call of a C function, each in a ``GuardedBuffer``.
public final class GuardedArguments {
  private var constants: [GuardedBuffer<Float>] = []
  private var integers: [GuardedBuffer<Int32>] = []
  private var results: [Result] = []

  /// An array that the function writes.
  private struct Result {
    let elements: () -> [Float]
    let bits: () -> [UInt32]
    let setBits: ([UInt32]) -> Void
    let hasIntactMargins: () -> Bool

    init<Element>(_ buffer: GuardedBuffer<Element>, as float: @escaping (Element) -> Float) {
      elements = { buffer.elements.map(float) }
      bits = { buffer.bits }
      setBits = { buffer.bits = $0 }
      hasIntactMargins = { buffer.hasIntactMargins }
    }
  }

  /// Bits of the output arrays; setting them restores earlier contents.
  public var resultBits: [[UInt32]] {
    get { results.map { $0.bits() } }
    set { for (result, bits) in zip(results, newValue) { result.setBits(bits) } }
  }

  /// An array that the function only reads.
  public func input(_ values: [Float]) -> UnsafePointer<Float> {
    constants.append(GuardedBuffer(values))
    return UnsafePointer(constants.last!.base)
  }

  /// An array of integers that the function only reads.
  public func input(_ values: [Int32]) -> UnsafePointer<Int32> {
    integers.append(GuardedBuffer(values))
    return UnsafePointer(integers.last!.base)
  }

  /// Array that the function must overwrite completely: it starts as NaN.
  public func output(_ count: Int) -> UnsafeMutablePointer<Float> {
    updated([Float](repeating: .nan, count: count))
  }

  /// An array that the function reads and writes.
  public func updated(_ values: [Float]) -> UnsafeMutablePointer<Float> {
    let buffer = GuardedBuffer(values)
    results.append(Result(buffer) { $0 })
    return buffer.base
  }

  /// Array of integers that the function must overwrite completely: it starts as `Int32.min`.
  public func integerOutput(_ count: Int) -> UnsafeMutablePointer<Int32> {
    let buffer = GuardedBuffer([Int32](repeating: .min, count: count))
    results.append(Result(buffer, as: Float.init))
    return buffer.base
  }

  /// Runs `body` and checks that inputs and margins are unchanged.
  ///
  /// - Returns: Contents of the arrays made by ``output(_:)``, ``integerOutput(_:)`` and
  ///   ``updated(_:)``, in the order in which they were made.
  public static func results(
    sourceLocation: SourceLocation = #_sourceLocation, of body: (GuardedArguments) -> Void
  ) -> [[Float]] {
    let arguments = GuardedArguments()
    body(arguments)
    for (index, input) in arguments.constants.enumerated() {
      #expect(
        input.isUnchanged && input.hasIntactMargins, "input \(index)",
        sourceLocation: sourceLocation)
    }
    for (index, input) in arguments.integers.enumerated() {
      #expect(
        input.isUnchanged && input.hasIntactMargins, "integer input \(index)",
        sourceLocation: sourceLocation)
    }
    for (index, result) in arguments.results.enumerated() {
      #expect(result.hasIntactMargins(), "output \(index)", sourceLocation: sourceLocation)
    }
    return arguments.results.map { $0.elements() }
  }
}
