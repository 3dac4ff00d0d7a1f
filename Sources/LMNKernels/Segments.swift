internal import CLMN

/// Division of the rows of a matrix into segments of consecutive rows, one per memory.
///
/// The sizes of segments may change between the runs of a recording, their number does not.
public struct Segments: Sendable {
  /// Number of rows of all segments, N.
  public let rows: Int
  /// Number of segments, G.
  public let count: Int
  /// `[G + 1]`: first row of each segment, and N; nil for one segment of all rows.
  let offsets: Buffer<Int32>?

  /// One segment of `rows` rows.
  public init(rows: Int) { self.init(rows: rows, count: 1, offsets: nil) }

  init(rows: Int, count: Int, offsets: Buffer<Int32>?) {
    (self.rows, self.count, self.offsets) = (rows, count, offsets)
  }
}

extension Segments: KernelOperand {
  func kept(beside arena: Arena) -> [AnyObject] { offsets.kept(beside: arena) }
}
