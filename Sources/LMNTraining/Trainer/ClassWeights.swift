/// Weights of the classes in the training loss.
public enum ClassWeights: String, Sendable, Codable, CaseIterable {
  /// Every class has the same total weight over the training part: N / (C · n) for each of the n rows
  /// of a class, with N rows in C classes.
  case balanced

  /// The balanced weight of each class; 1 for a class without rows.
  ///
  /// - Parameters:
  ///   - rows: Class of each training row.
  ///   - classes: Number of classes.
  /// - Returns: Weights whose mean over the rows is 1.
  static func balanced(_ rows: [Int], of classes: Int) -> [Float] {
    let counts = rows.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    return (0..<classes).map { label in
      counts[label].map { Float(rows.count) / Float(counts.count * $0) } ?? 1
    }
  }
}
