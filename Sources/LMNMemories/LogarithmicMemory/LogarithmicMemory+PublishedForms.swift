internal import LMNKernels
internal import LMNLayers

extension LogarithmicMemory {
  /// In the published form query, key and value are one map `qkv`, the features of a head are
  /// adjacent, and summarizers have the shapes of their framework.
  public var publishedForms: [PublishedForm] {
    let (width, heads) = (width, heads)
    // Published feature h·D + d is our feature d·H + h.
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
}

extension Tensor {
  /// A vector as a matrix of one column; matrices unchanged.
  fileprivate var asRows: Tensor { shape.count == 1 ? reshaped([count, 1]) : self }
}
