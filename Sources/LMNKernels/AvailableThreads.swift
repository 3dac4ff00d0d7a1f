internal import CLMN
internal import FoundationEssentials

/// Number of threads that this process can have.
public struct ThreadLimit: Sendable {
  /// The number, at least 1.
  public let count: Int
  /// Cause of a number below the wanted one, as a sentence without its end; nil without one.
  public let lack: String?

  /// Tests how many of `wanted` threads can be started.
  ///
  /// - Precondition: `wanted` is positive.
  public init(of wanted: Int) {
    precondition(wanted > 0, "ThreadLimit: \(wanted) threads")
    var lack: UnsafePointer<CChar>?
    count = lmn_parallel_limit(wanted, &lack)
    self.lack = lack.map { String(cString: $0) }
  }
}

extension Int {
  /// Default number of threads: the processors of the affinity mask, at most the whole processors
  /// of the control group's quota, at most `OMP_NUM_THREADS`, and no more than can be started.
  public static let availableThreads: Int = {
    let requested = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"].flatMap(Int.init)
    let limits = [
      ProcessInfo.processInfo.activeProcessorCount, affinity, controlGroupQuota, requested,
    ]
    return ThreadLimit(of: Swift.max(1, limits.compactMap { $0 }.min() ?? 1)).count
  }()

  /// Processors of the affinity mask; nil without /proc.
  private static var affinity: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
    else { return nil }
    // A hexadecimal mask, with commas between words.
    return line.dropFirst("Cpus_allowed:".count).reduce(0) {
      $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0)
    }
  }

  /// Smallest quota of this process's control group and its parents, in processors, rounded down.
  private static var controlGroupQuota: Int? {
    guard let groups = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8) else {
      return nil
    }
    var quotas: [Double] = []
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let unified = fields[1].isEmpty
      guard unified || fields[1].split(separator: ",").contains("cpu") else { continue }
      var path = fields[2].split(separator: "/")
      while true {
        let root = unified ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/cpu/"
        let group = root + path.joined(separator: "/")
        quotas += (unified ? unifiedQuota(group) : legacyQuota(group)).map { [$0] } ?? []
        if path.popLast() == nil { break }
      }
    }
    return quotas.min().map { Swift.max(1, Int($0)) }
  }

  private static func unifiedQuota(_ group: String) -> Double? {
    guard let text = try? String(contentsOfFile: group + "/cpu.max", encoding: .utf8) else {
      return nil
    }
    let words = text.split(whereSeparator: \.isWhitespace).map { Double($0) }
    guard words.count == 2, let quota = words[0], let period = words[1] else { return nil }
    return quota / period
  }

  private static func legacyQuota(_ group: String) -> Double? {
    func number(_ name: String) -> Double? {
      (try? String(contentsOfFile: "\(group)/\(name)", encoding: .utf8)).flatMap {
        $0.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
      }
    }
    guard let quota = number("cpu.cfs_quota_us"), quota > 0,
      let period = number("cpu.cfs_period_us")
    else { return nil }
    return quota / period
  }
}
