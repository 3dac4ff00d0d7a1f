internal import CLMN

/// A set of kernels: those tuned for one kind of processor, or their scalar definition.
public struct InstructionSet: Sendable, Hashable, CustomStringConvertible {
  /// The name by which `LMN_ISA` chooses it: `avx512`, `avx2`, `neon` or `reference`.
  public let name: String

  /// The set called `name`; nil when this processor has none of that name.
  public init?(named name: String) {
    guard lmn_isa_named(name) != nil else { return nil }
    self.name = name
  }

  /// The scalar definition of every kernel, with sums in double precision.
  public static let reference = InstructionSet(named: "reference")!

  /// The sets that this processor has, best first.
  public static let available: [InstructionSet] = (0...)
    .lazy.map { lmn_isa_available($0) }
    .prefix { $0 != nil }
    .map { InstructionSet(named: String(cString: lmn_isa_name($0!)))! }

  /// The set that the environment variable `LMN_ISA` names, without it the best one; nil when it
  /// names none that is available.
  public static let selected: InstructionSet? = lmn_isa_selected().map {
    InstructionSet(named: String(cString: lmn_isa_name($0)))!
  }

  /// The name.
  public var description: String { name }

  var pointer: OpaquePointer { lmn_isa_named(name)! }
}

/// Version, kernels and build options of the linked OpenBLAS; `none` without the trait `OpenBLAS`.
public let blasDescription = String(cString: lmn_blas_description())
