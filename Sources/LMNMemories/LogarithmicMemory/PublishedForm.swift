internal import LMNKernels
package import LMNLayers

/// How some parameters stand in published checkpoints, where names or layouts differ from ours.
struct PublishedForm {
  let own: [String]
  let published: [String]
  let publish: ([Tensor]) -> [Tensor]
  let adopt: ([Tensor]) -> [Tensor]

  /// - Parameters:
  ///   - own: Our names.
  ///   - published: The published ones.
  ///   - publish: Takes our tensors to the published.
  ///   - adopt: The way back.
  init(
    of own: [String], as published: [String], publish: @escaping ([Tensor]) -> [Tensor],
    adopt: @escaping ([Tensor]) -> [Tensor]
  ) {
    self.own = own
    self.published = published
    self.publish = publish
    self.adopt = adopt
  }

  func prefixed(_ prefix: String) -> PublishedForm {
    PublishedForm(
      of: own.map { prefix + $0 }, as: published.map { prefix + $0 }, publish: publish,
      adopt: adopt)
  }
}

extension LogarithmicMemory {
  /// Query, key and value are one map `qkv` there; summarizers have their framework's shapes.
  private var publishedForms: [PublishedForm] {
    let width = width
    let projections = ["weight", "bias"].map { part in
      PublishedForm(
        of: ["query_value.\(part)", "key.\(part)"], as: ["qkv.\(part)"],
        publish: { own in
          let (queryValue, key) = (own[0], own[1])
          return [
            .concatenatingRows([
              queryValue.rows(0..<width), key, queryValue.rows(width..<2 * width),
            ])
          ]
        },
        adopt: { published in
          let qkv = published[0]
          return [
            .concatenatingRows([qkv.rows(0..<width), qkv.rows(2 * width..<3 * width)]),
            // A copy of its own, not a view that keeps the whole alive.
            .concatenatingRows([qkv.rows(width..<2 * width)]),
          ]
        })
    }
    return summarizer.publishedForms.map { $0.prefixed("summarizer.") } + projections
  }

  /// A dictionary of this memory's parameters under `prefix`, or of their gradients, with names and
  /// shapes as the published code stores them; other entries stay.
  package func published(_ dictionary: StateDictionary, under prefix: String) -> StateDictionary {
    publishedForms.reduce(dictionary) { dictionary, form in
      let form = form.prefixed(prefix)
      return dictionary.replacing(form.own, by: form.published, form.publish)
    }
  }

  /// The way back from ``published(_:under:)``.
  ///
  /// - Precondition: Entries under published names have the published shapes.
  package func adopted(_ dictionary: StateDictionary, under prefix: String) -> StateDictionary {
    publishedForms.reduce(dictionary) { dictionary, form in
      let form = form.prefixed(prefix)
      return dictionary.replacing(form.published, by: form.own, form.adopt)
    }
  }
}

extension StateDictionary {
  /// The same with the tensors of `old`, which stand together at the place of the first, replaced;
  /// unchanged where one of them is missing.
  fileprivate func replacing(
    _ old: [String], by new: [String], _ change: ([Tensor]) -> [Tensor]
  ) -> StateDictionary {
    let tensors = old.compactMap { self[$0] }
    guard tensors.count == old.count else { return self }
    let replacements = Array(zip(new, change(tensors)))
    return StateDictionary(
      zip(names, self.tensors).flatMap { name, tensor -> [(String, Tensor)] in
        if name == old[0] { return replacements }
        return old.contains(name) ? [] : [(name, tensor)]
      })
  }
}
