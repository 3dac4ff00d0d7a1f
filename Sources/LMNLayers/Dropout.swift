public import LMNAutodiff
public import LMNKernels

/// What a network drops while it learns.
public struct Dropout: Sendable {
  /// Which share of the values.
  public let rate: Float
  /// Which ones.
  public let draw: DropoutDraw
  private var firstSite = 0

  /// Drops a share of the values, chosen by a draw.
  public init(rate: Float, draw: DropoutDraw) {
    self.rate = rate
    self.draw = draw
  }

  /// The same for a part, whose sites are counted from `site` on.
  public func from(site: Int) -> Dropout {
    var part = self
    part.firstSite += site
    return part
  }

  fileprivate func callAsFunction(_ x: Variable, site: Int) -> Variable {
    x.dropout(rate: rate, draw: draw, site: firstSite + site)
  }
}

extension Variable {
  /// What is left of the values when some are dropped; nil drops none.
  public func dropped(by dropout: Dropout?, site: Int) -> Variable {
    dropout?(self, site: site) ?? self
  }
}
