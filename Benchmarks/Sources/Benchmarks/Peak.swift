import CPeak
import LMN

/// Largest measured FLOP/s of one thread that runs only fused multiply-adds of an instruction set;
/// for the reference, those of the narrowest vectors.
func measuredPeak(of instructionSet: InstructionSet, repetitions: Int) -> Double {
  var result: Float = 0
  return (0..<repetitions).map { _ in
    var operations = 0.0
    let seconds = ContinuousClock().measure {
      operations = cpeak_multiply_add(instructionSet.name == "avx512", 200_000, &result)
    }
    return operations / (seconds / .seconds(1))
  }.max()!
}
