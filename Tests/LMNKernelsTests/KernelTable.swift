import CLMN
import Foundation
import LMNKernels
import Synchronization
import Testing

/// The table of kernels behind an instruction set, with one of them intercepted.
enum KernelTable {
  typealias Kernel = @convention(c) (UnsafeRawPointer?, Int, Int) -> Void

  /// The names in kernels/list.h, in order.
  static let names: [String] = {
    let list = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../csrc/kernels/list.h")
    return try! String(contentsOf: list, encoding: .utf8)
      .matches(of: /(?m)^LMN_KERNEL\((\w+)\)/).map { String($0.output.1) }
  }()

  /// The kernels of a set, in the list's order.
  static func kernels(of instructionSet: InstructionSet) -> [Kernel?] {
    let table = UnsafeRawPointer(lmn_isa_named(instructionSet.name)!)
      .assumingMemoryBound(to: Kernel?.self)
    return Array(UnsafeBufferPointer(start: table + headCount, count: names.count))
  }

  /// As many kernels that do nothing.
  static var idleKernels: [Kernel?] { Array(repeating: { _, _, _ in }, count: names.count) }

  /// Calls `body` with a table of `kernels` in which `interception` runs instead of the one at
  /// `index`, with its arguments.
  static func intercepting<Result>(
    _ index: Int, of kernels: [Kernel?], by interception: @escaping Interception,
    _ body: (OpaquePointer) -> Result
  ) -> Result {
    var table = [Kernel?](repeating: nil, count: headCount) + kernels
    table[headCount + index] = { KernelTable.interceptor!($0, $1, $2) }
    return table.withUnsafeMutableBufferPointer { table in
      $interceptor.withValue(interception) { body(OpaquePointer(table.baseAddress!)) }
    }
  }

  typealias Interception = @Sendable (UnsafeRawPointer?, _ begin: Int, _ end: Int) -> Void

  // A kernel is a C function, which captures nothing; on one thread it runs in its caller's task.
  @TaskLocal private static var interceptor: Interception?

  // struct lmn_isa: a name, `supported`, and the kernels in the list's order, all of them pointers.
  private static let headCount = 2
}

extension KernelCall {
  /// By index in the list, the most units that the call gives to each kernel it dispatches.
  var units: [Int: Int] {
    var units: [Int: Int] = [:]
    for index in KernelTable.names.indices {
      let shares = Shares()
      KernelTable.intercepting(
        index, of: KernelTable.idleKernels, by: { _, begin, end in shares.add(begin..<end) }
      ) { _ = results(in: lmn_context(isa: $0, threads: 1)) }
      units[index] = shares.inOrder.map(\.count).max()
    }
    return units
  }
}

/// The ranges of units that were given to a kernel.
final class Shares: Sendable {
  private let shares = Mutex<[Range<Int>]>([])

  var inOrder: [Range<Int>] {
    shares.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
  }

  func add(_ share: Range<Int>) { shares.withLock { $0.append(share) } }
}
