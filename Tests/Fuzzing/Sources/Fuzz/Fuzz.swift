import LMN

/// A reader under test, with the properties that hold for every input.
protocol FuzzTarget: Sendable {
  /// Name on the command line.
  static var name: String { get }

  /// The target, with the models that its inputs refer to.
  init() throws

  /// Inputs to start from.
  func seeds() throws -> [[UInt8]]

  /// Traps unless all properties hold for an input.
  func check(_ input: [UInt8])
}

/// Traps with a message unless a property holds.
func expect(_ holds: Bool, _ message: @autoclosure () -> String) {
  if !holds { fatalError(message()) }
}

/// Directory of the inputs, the first argument: `Fuzz CORPUS/TARGET [OPTION…]`.
private let corpus = CommandLine.arguments.dropFirst().first ?? ""

/// The target that the directory is named after.
private let target: any FuzzTarget = {
  let types: [any FuzzTarget.Type] = [
    SafetensorsTarget.self, ConfigurationTarget.self, TableTarget.self, StateTarget.self,
    TextTarget.self,
  ]
  guard let type = types.first(where: { corpus.hasSuffix("/\($0.name)") }) else {
    fatalError("usage: Fuzz CORPUS/\(types.map { $0.name }.joined(separator: "|")) [OPTION…]")
  }
  do { return try type.init() } catch { fatalError("\(type.name): \(error)") }
}()

/// Adds the seeds of the target to its corpus; called by libFuzzer.
@_cdecl("LLVMFuzzerInitialize")
func initialize(
  count: UnsafeMutablePointer<CInt>,
  arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  do {
    for (index, seed) in try target.seeds().enumerated() {
      try AtomicFile.write(seed, to: "\(corpus)/seed-\(index)")
    }
  } catch { fatalError("seeds: \(error)") }
  return 0
}

/// Checks one input; called by libFuzzer.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(bytes: UnsafePointer<UInt8>, count: Int) -> CInt {
  target.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
