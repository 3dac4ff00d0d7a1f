import CLMN
import LMNKernels
import LMNTestSupport
import Synchronization
import Testing

@Suite struct ExecutionContextTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 3, 7, 24, 100])
  func loopRunsEveryUnitOnce(threads: Int, count: Int) {
    for grain in [1, 5, 1000] {
      let shares = sharesOfLoop(count: count, grain: grain, threads: threads)
      #expect(shares.flatMap(Array.init) == Array(0..<count))
      #expect(shares.count == min(count, max(1, min(threads, count / grain))))
      #expect(shares.count == 1 || shares.allSatisfy { $0.count >= grain })
    }
  }

  @Test(arguments: [1, 2, 3], [0, 1, 2, 5, 40])
  func mapKeepsTheOrder(threads: Int, count: Int) {
    let context = ExecutionContext(threadCount: threads)
    #expect(context.map(count) { "\($0)" } == (0..<count).map { "\($0)" })
  }

  @Test func mapSharesItsThreadsOut() {
    let context = ExecutionContext(instructionSet: .reference, threadCount: 3)
    #expect(context.map(1) { _ in ExecutionContext.current.threadCount } == [3])
    #expect(context.map(4) { _ in ExecutionContext.current.threadCount } == [1, 1, 1, 1])
    let sets = context.map(4) { _ in ExecutionContext.current.instructionSet }
    #expect(sets.allSatisfy { $0 == .reference })
  }

  @Test func currentIsSetForAScope() {
    let before = ExecutionContext.current.instructionSet
    computing(on: .reference, threads: 2) {
      #expect(ExecutionContext.current.instructionSet == .reference)
      #expect(ExecutionContext.current.threadCount == 2)
    }
    #expect(ExecutionContext.current.instructionSet == before)
  }

  @Test func trapsOnNoThreads() async {
    await #expect(processExitsWith: .failure) { _ = ExecutionContext(threadCount: 0) }
  }
}

/// Ranges of units that a loop passes to its kernel, in order.
private func sharesOfLoop(count: Int, grain: Int, threads: Int) -> [Range<Int>] {
  let shares = Shares()
  withExtendedLifetime(shares) {
    lmn_parallel_for(
      InstructionSet.reference.context(threads: threads),
      { shares, begin, end in
        Unmanaged<Shares>.fromOpaque(shares!).takeUnretainedValue().add(begin..<end)
      }, Unmanaged.passUnretained(shares).toOpaque(), count, grain)
  }
  return shares.inOrder
}

private final class Shares: Sendable {
  private let shares = Mutex<[Range<Int>]>([])

  var inOrder: [Range<Int>] {
    shares.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
  }

  func add(_ share: Range<Int>) { shares.withLock { $0.append(share) } }
}
