/// A given flag and the field of some settings that it sets.
struct Setting<Settings> {
  let flag: String
  let apply: (inout Settings) -> Void
  let read: (Settings) -> String
  /// Whether it sets the levels of trees, to a number or to none.
  var givesLevels: Bool

  init(
    _ flag: String, apply: @escaping (inout Settings) -> Void,
    read: @escaping (Settings) -> String
  ) {
    (self.flag, self.apply, self.read) = (flag, apply, read)
    givesLevels = flag == LogarithmicOptions.levelsFlag
  }

  init?<Value>(
    _ flag: String, _ value: Value?, _ field: WritableKeyPath<Settings, Value>,
    show: @escaping (Value) -> String = { "\($0)" }
  ) {
    guard let value else { return nil }
    self.flag = flag
    apply = { $0[keyPath: field] = value }
    read = { show($0[keyPath: field]) }
    givesLevels = false
  }

  /// The same flag for settings that contain `part`.
  init<Part>(_ setting: Setting<Part>, in part: WritableKeyPath<Settings, Part>) {
    flag = setting.flag
    apply = { setting.apply(&$0[keyPath: part]) }
    read = { setting.read($0[keyPath: part]) }
    givesLevels = setting.givesLevels
  }
}
