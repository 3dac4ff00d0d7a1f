internal import CLMN

/// Set of kernels: tuned for one instruction set, or the scalar reference.
public struct InstructionSet: Sendable, Hashable, CustomStringConvertible {
  /// Name, as in `LMN_ISA`: `avx512`, `avx2`, `neon` or `reference`.
  public let name: String

  /// Creates the set `name`; nil if it is not available on this processor.
  public init?(named name: String) {
    guard lmn_isa_named(name) != nil else { return nil }
    self.name = name
  }

  /// Scalar reference kernels, with sums in double precision.
  public static let reference = InstructionSet(named: "reference")!

  /// Sets that are available on this processor, best first.
  public static let available: [InstructionSet] = (0...)
    .lazy.map { lmn_isa_available($0) }
    .prefix { $0 != nil }
    .map { InstructionSet(named: String(cString: lmn_isa_name($0!)))! }

  /// Set named by the environment variable `LMN_ISA`, or the best one if it is not set or
  /// empty; nil if the named one is not available.
  public static let selected: InstructionSet? = lmn_isa_selected().map {
    InstructionSet(named: String(cString: lmn_isa_name($0)))!
  }

  /// The name.
  public var description: String { name }

  var pointer: OpaquePointer { lmn_isa_named(name)! }
}

/// Version, kernels and build options of OpenBLAS; `none` without the trait `OpenBLAS`, and where it
/// is not installed.
public let blasDescription = String(cString: lmn_blas_description())
