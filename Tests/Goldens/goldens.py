"""The golden files that `generate.py` writes: sizes, configurations, and what is particular about them."""

# A logarithmic memory in every block: the configuration in the order of FLAT_KEYS, batch and length, other keys.
FLAT_KEYS = ("vocab", "width", "heads", "layers", "banks", "feedForward", "summarizer")
FLAT_GOLDENS = [
    (11, 12, 3, 2, 1, 1, "linear", 1, 64, {}),  # a power of two
    (7, 8, 1, 1, 3, 3, "linear", 3, 1, {}),  # a single token: the summarizer is never called
    (19, 24, 4, 2, 2, 4, "linear", 2, 45, {}),
    (9, 20, 5, 2, 2, 2, "depthwiseSeparable", 2, 63, {}),
    (5, 4, 4, 1, 1, 1, "depthwiseSeparable", 1, 2, {}),
    (7, 12, 2, 2, 2, 2, "linear", 2, 23, {"activation": "relu", "positions": "sinusoidal"}),
    (9, 10, 2, 1, 2, 3, "linear", 2, 26,
     {"activation": "gelu", "positions": "learned", "maximumLength": 30, "tiedHead": True}),
    (7, 8, 4, 1, 3, 1, "convGrouped", 2, 33, {"arity": 3}),
    (7, 8, 2, 1, 2, 1, "convFull", 2, 40, {"expand": 2, "maximumLevels": 3, "levelBias": True}),
    (7, 6, 3, 2, 2, 1, "linear", 2, 37, {"arity": 4, "visibility": "disjoint", "window": 3}),
    (7, 9, 3, 2, 1, 1, "depthwiseSeparable", 2, 31, {"expand": 1, "visibility": "disjoint", "pinned": 4}),
    (7, 12, 4, 2, 2, 1, "linear", 2, 29,
     {"maximumLevels": 3, "levelBias": True, "window": 5, "windowBias": True, "pinned": 3}),
]
TRAINING = (13, 16, 2, 2, 2, 2, "linear", 3, 21)


def sized(kind, rule, count, key_width, value_width, **others):
    return {"kind": kind, "rule": rule, "heads": count, "keyWidth": key_width, "valueWidth": value_width} | others


def linear(rule, *sizes, **others):
    return sized("linear", rule, *sizes, **others)


def mixture(rule, *sizes, **others):
    return sized("mixtureOfMemories", rule, *sizes, **others)


def attention(count, **others):
    return {"kind": "attention", "heads": count} | others


def slots(count, segment, heads, **others):
    return {"kind": "slots", "slots": count, "segment": segment, "heads": heads} | others


# Name of the file, vocabulary, width, feed-forward factor, batch and length, memories, other keys at the top.
# One memory with a number of layers is the memory of all blocks.
GOLDENS = [
    ("linearRule-relu", 7, 10, 2, 2, 34,
     2, linear("linear", 2, 3, 5, featureMap="relu", normalize=False, convolution=0, outputGate=False), {}),
    ("linearRule-elu", 11, 12, 1, 1, 37, 1, linear("linear", 3, 6, 2, featureMap="elu", convolution=2), {}),
    ("linearRule-elu-unnormalized", 5, 8, 1, 2, 21,
     1, linear("linear", 1, 4, 6, featureMap="elu", normalize=False, convolution=3, outputGate=False), {}),
    ("gatedLinear-rank", 9, 12, 2, 2, 31, 2, linear("gatedLinear", 2, 4, 5, decayRank=3, decayNormalizer=4), {}),
    ("gatedLinear-fast", 7, 8, 1, 3, 18,
     1, linear("gatedLinear", 3, 2, 3, featureMap="relu", convolution=2, decayRank=5, decayNormalizer=1), {}),
    ("delta-relu", 9, 14, 1, 2, 40, 2, linear("delta", 2, 5, 4, featureMap="relu", convolution=3), {}),
    ("delta-plain", 5, 9, 1, 1, 29, 1, linear("delta", 3, 4, 2, convolution=0, outputGate=False), {}),
    ("gatedDelta-decay", 11, 16, 2, 2, 39, 2, linear("gatedDelta", 3, 4, 5), {}),
    ("gatedDelta-short", 7, 10, 1, 3, 2, 1, linear("gatedDelta", 2, 6, 4), {}),  # shorter than the convolution
    ("gatedDelta-gelu", 9, 8, 3, 2, 17, 2, linear("gatedDelta", 2, 3, 7, featureMap="elu", convolution=1),
     {"activation": "gelu", "positions": "learned", "maximumLength": 20, "tiedHead": True}),
    ("mixture-1-of-1", 7, 12, 1, 2, 19, 1, mixture("linear", 2, 4, 5, memories=1, topK=1), {}),
    ("mixture-1-of-5", 9, 12, 1, 3, 26,
     1, mixture("delta", 2, 4, 4, memories=5, topK=1, convolution=2), {"balanceScale": 0.3}),
    ("mixture-3-of-3", 11, 10, 1, 2, 33,
     2, mixture("gatedDelta", 2, 5, 3, memories=3, topK=3, shared=False), {"balanceScale": 0.1}),
    ("mixture-2-of-3", 7, 8, 2, 2, 38,
     1, mixture("gatedLinear", 2, 3, 5, memories=3, topK=2, decayRank=3, decayNormalizer=4, outputGate=False), {}),
    ("mixture-2-of-4-oneSet", 9, 14, 1, 3, 30,
     2, mixture("gatedDelta", 3, 4, 3, memories=4, topK=2, sharedProjections=True), {"balanceScale": 0.05}),
    ("mixture-2-of-6-oneSet", 7, 10, 1, 1, 40,
     1, mixture("linear", 1, 5, 8, memories=6, topK=2, shared=False, sharedProjections=True, featureMap="elu",
                convolution=0), {"balanceScale": 1}),
    ("mixture-short", 9, 8, 1, 3, 3, 1, mixture("gatedDelta", 2, 4, 4, memories=4, topK=2), {"balanceScale": 0.2}),
    ("mixture-token", 5, 8, 1, 2, 1, 1, mixture("delta", 2, 4, 3, memories=3, topK=2, shared=False), {}),
    ("attention-rotary", 11, 12, 2, 2, 33, 2, attention(3, rotary=True, rotaryBase=100), {}),
    ("attention-window", 7, 12, 1, 3, 25, 1, attention(2, window=1, bias=False), {"activation": "relu"}),
    ("attention-rotary-window", 9, 8, 1, 1, 40, 2, attention(1, window=7, rotary=True, bias=False), {}),
    ("stateSpace-2", 7, 10, 1, 3, 28, 1, {"kind": "stateSpace", "stateWidth": 2}, {}),
    ("stateSpace-10", 11, 9, 2, 2, 36, 2, {"kind": "stateSpace", "stateWidth": 10}, {}),
    ("hybrid-window", 11, 12, 1, 2, 37, None,
     [{"kind": "logarithmic", "heads": 3, "banks": 2, "summarizer": "linear", "window": 3, "arity": 3},
      mixture("gatedDelta", 2, 4, 3, memories=3, topK=2), attention(2, window=4, rotary=True)],
     {"balanceScale": 0.1}),
    ("hybrid-routers", 9, 10, 1, 2, 29, None,
     [mixture("linear", 2, 3, 4, memories=2, topK=1, convolution=2), {"kind": "stateSpace", "stateWidth": 4},
      mixture("delta", 1, 6, 5, memories=4, topK=3, shared=False),
      {"kind": "logarithmic", "heads": 2, "banks": 1, "summarizer": "depthwiseSeparable", "pinned": 3}],
     {"balanceScale": 0.5}),
    ("hybrid-linear", 7, 12, 2, 3, 35, None,
     [linear("gatedLinear", 2, 3, 4, decayRank=4), attention(4, bias=False), linear("delta", 2, 4, 4)], {}),
    ("slots-3-of-8", 9, 12, 2, 2, 29, 2, slots(3, 8, 3, temperature=0.5), {}),  # ends within a segment
    ("slots-8-of-5", 7, 8, 1, 3, 20, 1, slots(8, 5, 2), {"activation": "gelu"}),  # ends with a segment
    ("slots-keeping", 9, 10, 1, 2, 26, 2, slots(4, 6, 1, temperature=1, forgetting=False), {}),
    ("slots-short", 5, 8, 1, 1, 7, 1, slots(2, 16, 4), {}),  # shorter than a segment: nothing is written
    ("hybrid-slots", 11, 12, 1, 2, 31, None,
     [slots(5, 7, 2), {"kind": "logarithmic", "heads": 3, "banks": 2, "summarizer": "linear"},
      slots(2, 12, 4, temperature=0.75)], {}),
]

# Name of the file, values of the required keys in their order, other keys, and per text the tokens of its segments.
MEMFORMERS = [
    ("whole", (9, 12, 3, 2, 1, 2, 3, 5), {}, [[5, 5, 5, 2], [5, 5, 5]]),
    ("short-segments", (7, 8, 2, 1, 2, 1, 5, 6), {"temperature": 0.5}, [[2, 6, 1, 3], [6, 4], [1]]),
    ("keeping", (11, 8, 1, 1, 1, 3, 2, 4), {"temperature": 1, "forgetting": False}, [[4, 4, 4, 4, 1]]),
    ("one-token-segments", (5, 6, 2, 1, 1, 1, 1, 1), {}, [[1, 1, 1, 1], [1, 1, 1]]),
]

# Name of the file, network, inputs and outputs, channels, covariates, batch and rows.
FORECASTERS = [
    ("last", {"width": 8, "layers": 2, "feedForward": 2,
              "memory": {"kind": "logarithmic", "heads": 2, "banks": 2, "summarizer": "linear", "window": 2}},
     {"horizon": 3, "lags": 4, "normalisation": "last"}, ["a", "b"], ["known"], 2, 22),
    ("window", {"width": 9, "layers": 1, "feedForward": 1, "memory": linear("gatedDelta", 3, 4, 4)},
     {"horizon": 2, "lags": 5, "normalisation": "window", "quantiles": [0.1, 0.5, 0.8]}, ["a", "b", "c"], [], 1, 19),
    ("global", {"width": 8, "layers": 1, "feedForward": 2, "memory": slots(3, 6, 2), "activation": "gelu"},
     {"horizon": 1, "lags": 3, "normalisation": "global", "quantiles": [0.25]}, ["a"], ["x", "y"], 2, 16),
    ("none", {"width": 6, "layers": 2, "feedForward": 1, "memory": attention(3, rotary=True)},
     {"horizon": 4, "normalisation": "none"}, ["a", "b"], [], 2, 13),
]
