/// Claim of a paper, beside what was measured.
struct Claim: Sendable {
  /// Result of a comparison.
  enum Verdict: String {
    case reproduced
    case notReproduced = "not reproduced"
    case notTestable = "not testable here"
  }

  /// The claim, with its figure.
  let published: String
  /// The measured figure; nil if there is none.
  let measured: String?
  let verdict: Verdict

  /// A claim that holds if a condition does.
  ///
  /// - Parameters:
  ///   - published: The claim, with its figure.
  ///   - measured: The measured figure; nil if it could not be measured.
  ///   - holds: Whether it reproduces the claim.
  init(_ published: String, measured: String?, holds: Bool) {
    self.published = published
    self.measured = measured
    verdict = measured == nil ? .notTestable : holds ? .reproduced : .notReproduced
  }

  /// Section with a table of claims; empty in the short form, which tests none.
  static func section(_ title: String, _ claims: [Claim], in form: RecipeForm) -> [Report.Part] {
    guard form == .full else { return [] }
    return [
      .heading(title),
      .table(
        ReportTable(
          ["claim", "measured", "verdict"],
          claims.map { [$0.published, $0.measured ?? "–", $0.verdict.rawValue] }, hasWords: true)),
    ]
  }
}
