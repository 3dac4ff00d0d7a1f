import LMN

/// A given flag of memories and the setting of each kind of memory that has it.
struct MemorySetting {
  /// The flag, and the kinds of memory that have the setting.
  let flag: String, kinds: [String]
  /// The setting of the memories of these kinds.
  let setting: Setting<Configuration>

  /// The field of one kind of memory.
  struct Field<Value> {
    let kind: String
    let apply: (inout Configuration, Value) -> Void
    let read: (Configuration) -> String

    init<Memory: MemorySettings>(_ field: WritableKeyPath<Memory, Value>) {
      kind = Memory.kind
      apply = { $0.trunk[each: field] = $1 }
      read = { "\($0.trunk[each: field])" }
    }

    /// A field that is nil by default.
    init<Memory: MemorySettings>(_ field: WritableKeyPath<Memory, Value?>) {
      kind = Memory.kind
      apply = { $0.trunk[each: field] = $1 }
      read = { $0.trunk[each: field].map { "\($0)" } ?? "none" }
    }

    /// A field that a flag can set to nil, too.
    init<Memory: MemorySettings, Wrapped>(
      optional field: WritableKeyPath<Memory, Wrapped?>
    ) where Value == Wrapped? {
      kind = Memory.kind
      apply = { $0.trunk[each: field] = $1 }
      read = { $0.trunk[each: field].map { "\($0)" } ?? "none" }
    }
  }

  /// The setting of a flag; nil without a value.
  init?<Value>(_ flag: String, _ value: Value?, _ fields: Field<Value>...) {
    guard let value else { return nil }
    self.flag = flag
    kinds = fields.map(\.kind)
    setting = Setting(
      flag,
      apply: { for field in fields { field.apply(&$0, value) } },
      read: { configuration in
        // One value, if the memories of all kinds agree.
        let values = fields.filter { configuration.memoryKinds.contains($0.kind) }
          .map { $0.read(configuration) }
        return Set(values).sorted().joined(separator: " and ")
      })
  }
}
