public import LMNAutodiff
public import LMNKernels

/// Dropout in a forward pass of training (arXiv 1207.0580).
public struct Dropout: Sendable {
  /// Probability that a value is dropped, in `0 ..< 1`.
  public let rate: Float
  /// Draw that chooses the dropped values.
  public let draw: DropoutDraw
  private var firstSite = 0

  /// Dropout at a rate, with a draw.
  public init(rate: Float, draw: DropoutDraw) {
    self.rate = rate
    self.draw = draw
  }

  /// The same dropout for a submodule whose dropout sites are counted from `site` on.
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
  /// The values after dropout at a site of the network; unchanged where `dropout` is nil.
  public func dropped(by dropout: Dropout?, site: Int) -> Variable {
    dropout?(self, site: site) ?? self
  }
}
