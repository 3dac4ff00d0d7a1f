import CLMN
import Foundation
import LMNKernels
import LMNTestSupport
import Synchronization
import Testing

/// Every kernel of the list is reached by the suites' calls, which run on every instruction set.
@Suite struct KernelListTests {
  static let largeCalls =
    AddTests.largeCalls + MatmulTests.largeCalls + TransposeTests.largeCalls
    + RowSumTests.largeCalls + PairwiseSummaryTests.largeCalls + SeparableConvTests.largeCalls
    + SingleVectorAttentionTests.largeCalls + RMSNormTests.largeCalls + LayerNormTests.largeCalls
    + SiLUTests.largeCalls + EmbeddingTests.largeCalls + CrossEntropyTests.largeCalls
    + AdamWTests.largeCalls + SquaredNormTests.largeCalls

  /// The names in kernels/list.h, in order.
  static let names: [String] = {
    let list = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../csrc/kernels/list.h")
    return try! String(contentsOf: list, encoding: .utf8)
      .matches(of: /(?m)^LMN_KERNEL\((\w+)\)/).map { String($0.output.1) }
  }()

  /// In a table of kernels that do nothing, one takes notes: which calls dispatch it, and whether
  /// three threads share its units, without which equal bits on any threads would say little.
  @Test func everyKernelIsCalledOnSeveralThreads() throws {
    try #require(!Self.names.isEmpty)
    for (index, name) in Self.names.enumerated() {
      wasShared.store(false, ordering: .relaxed)
      withTable(ofNotesBy: index) { table in
        for call in Self.largeCalls where !wasShared.load(ordering: .relaxed) {
          _ = call.results(in: lmn_context(isa: table, threads: 3))
        }
      }
      let isReached = wasShared.load(ordering: .relaxed)
      #expect(isReached, "\(name)")
    }
  }
}

private let wasShared = Atomic(false)

/// Gives `body` an instruction set of kernels that do nothing, but for the one at `index`, which
/// notes when its share of the units does not start at the first.
private func withTable(ofNotesBy index: Int, _ body: (OpaquePointer) -> Void) {
  typealias Kernel = @convention(c) (UnsafeRawPointer?, Int, Int) -> Void
  let nothing: Kernel = { _, _, _ in }
  let notes: Kernel = { _, begin, _ in
    if begin > 0 { wasShared.store(true, ordering: .relaxed) }
  }
  // struct lmn_isa: a name, `supported`, and the kernels in the list's order, all of them pointers.
  let table = UnsafeMutablePointer<Kernel?>.allocate(capacity: 2 + KernelListTests.names.count)
  defer { table.deallocate() }
  table.initialize(repeating: nil, count: 2)
  (table + 2).initialize(repeating: nothing, count: KernelListTests.names.count)
  table[2 + index] = notes
  body(OpaquePointer(table))
}
