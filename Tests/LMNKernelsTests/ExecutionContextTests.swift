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

  /// Products of 2^-140, and of subnormal factors with large ones; elementwise values as well.
  @Test(arguments: InstructionSet.available, [1, 2])
  func kernelsCountSubnormalNumbersAsZero(_ instructionSet: InstructionSet, threads: Int) {
    func square(_ value: Float) -> Tensor { Tensor(shape: [128, 128], repeating: value) }
    computing(on: instructionSet, threads: threads) {
      #expect(square(0x1p-70).matmul(square(0x1p-70)).scalars.allSatisfy { $0 == 0 })
      #expect(square(0x1p-127).matmul(square(0x1p100)).scalars.allSatisfy { $0 == 0 })
      #expect(square(0x1p-125).adding(square(-0x1.8p-126)).scalars.allSatisfy { $0 == 0 })
      #expect(square(0x1p-63).matmul(square(0x1p-63)).scalars.allSatisfy { $0 == 0x1p-119 })
    }
  }

  /// The mode is that of a thread only while it runs a kernel or a piece of a map, on any number of
  /// threads.
  @Test(arguments: [1, 2, 3], [1, 5])
  func arithmeticAroundKernelsHasSubnormalNumbers(threads: Int, count: Int) {
    let least = Mutex(Float.leastNormalMagnitude)
    @Sendable func half() -> Float { least.withLock { $0 / 2 } }
    let context = ExecutionContext(threadCount: threads)
    #expect(half() > 0)
    #expect(context.map(count) { _ in half() }.allSatisfy { $0 == 0 })
    #expect(half() > 0)
    computing(on: context.instructionSet, threads: threads) {
      _ = Tensor(shape: [128, 128], repeating: 1).matmul(Tensor(shape: [128, 128], repeating: 1))
    }
    #expect(half() > 0)
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
