import FoundationEssentials
import LMN
import Testing

@Suite struct LearningRateScheduleTests {
  let schedule = LearningRateSchedule.warmUpThenCosine(
    peak: 8, warmUpSteps: 3, totalSteps: 11, minimumFraction: 0.25)

  @Test(arguments: [0, 1, 1_000_000])
  func constantNeverChanges(step: Int) {
    #expect(LearningRateSchedule.constant(rate: 0.5).rate(at: step) == 0.5)
  }

  @Test(arguments: [(0, 2), (1, 4), (2, 6), (3, 8)] as [(Int, Float)])
  func warmUpIsLinear(step: Int, rate: Float) {
    #expect(schedule.rate(at: step) == rate)
  }

  @Test func decayIsHalfACosine() {
    // Half and a quarter of the cosine: (1 + cos 45°) / 2.
    #expect(abs(schedule.rate(at: 7) - 5) < 1e-5)
    #expect(abs(schedule.rate(at: 5) - (2 + 6 * 0.853_553_4)) < 1e-5)
  }

  @Test(arguments: [11, 12, 1_000_000])
  func minimumIsKeptAfterTheEnd(step: Int) {
    #expect(schedule.rate(at: step) == 2)
  }

  @Test func rateNeverRisesAfterTheWarmUp() {
    let rates = (3...12).map(schedule.rate)
    #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test func withoutWarmUpTheFirstStepIsThePeak() {
    let schedule = LearningRateSchedule.warmUpThenCosine(
      peak: 1, warmUpSteps: 0, totalSteps: 10, minimumFraction: 0)
    #expect(schedule.rate(at: 0) == 1)
    #expect(schedule.rate(at: 10) == 0)
  }

  @Test func runShorterThanItsWarmUpStaysInIt() {
    let schedule = LearningRateSchedule.warmUpThenCosine(
      peak: 1, warmUpSteps: 9, totalSteps: 5, minimumFraction: 0)
    #expect(schedule.rate(at: 4) == 0.5)
    #expect(schedule.rate(at: 9) == 0)
  }

  @Test func codingGivesTheScheduleBack() throws {
    for schedule in [schedule, .constant(rate: 0.1)] {
      let data = try JSONEncoder().encode(schedule)
      #expect(try JSONDecoder().decode(LearningRateSchedule.self, from: data) == schedule)
    }
  }
}
