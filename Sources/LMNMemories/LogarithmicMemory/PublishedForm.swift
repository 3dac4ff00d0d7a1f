internal import LMNKernels
package import LMNLayers

/// How some parameters stand in published checkpoints, where names or layouts differ from ours.
public struct PublishedForm {
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
  /// Query, key and value are one map `qkv` there, a head's features are neighbours, and summarizers
  /// have their framework's shapes.
  private var publishedForms: [PublishedForm] {
    let (width, heads) = (width, heads)
    // Place h·D + d there is place d·H + h here.
    let size = width / heads
    let own = (0..<width).map { place in place % size * heads + place / size }
    let there = (0..<width).map { place in place % heads * size + place / heads }
    let projections = ["weight", "bias"].map { part in
      PublishedForm(
        of: ["query_value.\(part)", "key.\(part)"], as: ["qkv.\(part)"],
        publish: { tensors in
          let (queryValue, key) = (tensors[0].asRows, tensors[1].asRows)
          let (query, value) = (queryValue.rows(0..<width), queryValue.rows(width..<2 * width))
          let qkv = Tensor.concatenatingRows([query, key, value].map { $0.rows(at: own) })
          return [qkv.reshaped([3 * width] + tensors[0].shape.dropFirst())]
        },
        adopt: { tensors in
          let qkv = tensors[0].asRows
          let parts = (0..<3).map {
            qkv.rows($0 * width..<($0 + 1) * width).rows(at: there)
          }
          let inner = tensors[0].shape.dropFirst()
          return [
            Tensor.concatenatingRows([parts[0], parts[2]]).reshaped([2 * width] + inner),
            parts[1].reshaped([width] + inner),
          ]
        })
    }
    let output = PublishedForm(
      of: ["out_proj.weight"], as: ["out_proj.weight"],
      publish: { [$0[0].transposed.rows(at: own).transposed] },
      adopt: { [$0[0].transposed.rows(at: there).transposed] })
    return summarizer.publishedForms.map { $0.prefixed("summarizer.") }
      + (expander?.publishedForms ?? []).map { $0.prefixed("expander.") } + projections + [output]
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

extension Tensor {
  /// A vector as a matrix of one column; a matrix as it is.
  fileprivate var asRows: Tensor { shape.count == 1 ? reshaped([count, 1]) : self }
}
