"""The model benchmarks that LMN and its PyTorch peers share. IDs are those of the Swift program."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    """Size of a network. Feed-forward layers have width 4 E; keys and values of linear memories have width E / H."""

    vocabulary: int
    width: int
    heads: int
    layers: int
    banks: int = 0  # of the logarithmic memory
    memories: int = 0  # with a router, of a mixture of memories; there is a shared one besides
    top: int = 0  # memories that the router chooses for a token
    slots: int = 0  # of a slot memory
    segment: int = 0  # tokens after which they are rewritten


@dataclasses.dataclass(frozen=True)
class Work:
    id: str
    title: str
    kind: str  # "training": a step; "decoding": a decode step of every stream; "layer": forward pass of one block
    shape: Shape
    batch: int
    length: int  # decoding: one past the last measured position
    threads: int
    peers: tuple[str, ...]
    start: int = 512  # decoding: first measured position; earlier ones are read, not timed


PEERS = {
    "slots": "LMN, every slot laid out, as published",
    "nodes": "LMN, nodes projected once, gathered, fused attention",
    "blocks": "LMN, nodes projected once, nothing gathered",
    "sequential": "LMN, sequential, O(log n) state",
    "gpt2": "GPT-2 (fused attention, key/value cache)",
    "linear": "linear memory (chunk-parallel; decoding: recurrence)",
    "mixture": "mixture of memories (tokens gathered by memory, chunk-parallel; decoding: recurrence)",
    "attention": "attention (fused; decoding: key/value cache)",
    "slotMemory": "slot memory (segments read at once, fused attention; decoding: key/value cache)",
}
PARALLEL = ("slots", "nodes", "blocks")  # formulations of the same function

SMALL = Shape(vocabulary=65, width=32, heads=4, layers=4, banks=2)  # 71,489 parameters
WIDE = Shape(vocabulary=256, width=256, heads=8, layers=6, banks=2)
LONG = dataclasses.replace(WIDE, banks=4)
LAYER = dataclasses.replace(SMALL, layers=1)

# Linear memories: gated delta rule, convolution of 4 taps, normalized keys and queries, output gate.
# Mixtures of them: 4 memories with a router, of which a token has two, and a shared one; projections of their own.
ONE = Shape(vocabulary=256, width=256, heads=4, layers=1)
ONE_MIXTURE = dataclasses.replace(ONE, memories=4, top=2)
ONE_SLOTS = dataclasses.replace(ONE, slots=16, segment=64)
FOUR = Shape(vocabulary=65, width=32, heads=4, layers=4)
FOUR_MIXTURE = dataclasses.replace(FOUR, memories=4, top=2)

WORKS = [
    Work("training-71k", "training step, 71,489 parameters, B 16, L 512",
         "training", SMALL, 16, 512, 2, (*PARALLEL, "gpt2")),
    Work("training-256", "training step, E 256, 6 layers, 2 banks, B 4, L 512",
         "training", WIDE, 4, 512, 2, (*PARALLEL, "gpt2")),
    Work("training-256-long", "training step, E 256, 6 layers, 4 banks, B 4, L 4,096",
         "training", LONG, 4, 4096, 2, (*PARALLEL, "gpt2")),
    Work("training-71k-long", "training step, 71,489 parameters, B 2, L 65,536",
         "training", SMALL, 2, 65_536, 2, (*PARALLEL, "gpt2")),
    Work("decode-71k", "decoding, 71,489 parameters, one stream",
         "decoding", SMALL, 1, 2048, 1, ("sequential", "gpt2")),
    Work("decode-71k-64", "decoding, 71,489 parameters, 64 streams in lock-step",
         "decoding", SMALL, 64, 2048, 2, ("sequential", "gpt2")),
    Work("decode-256", "decoding, E 256, 6 layers, 2 banks, one stream",
         "decoding", WIDE, 1, 2048, 2, ("sequential", "gpt2")),
    Work("layer-32k", "one layer forward, E 32, 2 banks, L 32,768",
         "layer", LAYER, 1, 32_768, 2, (*PARALLEL, "gpt2")),
    Work("layer-1m", "one layer forward, E 32, 2 banks, L 1,048,576",
         "layer", LAYER, 1, 1_048_576, 2, (*PARALLEL, "gpt2")),
    Work("training-256-linear", "training step, gated delta rule, E 256, 1 layer, B 4, L 2,048",
         "training", ONE, 4, 2048, 2, ("linear",)),
    Work("training-256-mixture", "training step, 2 of 4 memories and a shared one, gated delta rule, E 256, 1 layer, "
         "B 4, L 2,048", "training", ONE_MIXTURE, 4, 2048, 2, ("mixture",)),
    Work("training-256-attention", "training step, attention, E 256, 1 layer, B 4, L 2,048",
         "training", ONE, 4, 2048, 2, ("attention",)),
    Work("decode-256-attention", "decoding, attention, E 256, 1 layer, one stream from position 2,048",
         "decoding", ONE, 1, 2560, 2, ("attention",), start=2048),
    Work("training-256-slots", "training step, 16 slots, segments of 64, E 256, 1 layer, B 4, L 2,048",
         "training", ONE_SLOTS, 4, 2048, 2, ("slotMemory",)),
    Work("decode-256-slots", "decoding, 16 slots, segments of 64, E 256, 1 layer, one stream",
         "decoding", ONE_SLOTS, 1, 2048, 2, ("slotMemory",), start=1024),
    Work("decode-32-linear", "decoding, gated delta rule, E 32, 4 layers, one stream",
         "decoding", FOUR, 1, 2048, 1, ("linear",), start=1024),
    Work("decode-32-mixture", "decoding, 2 of 4 memories and a shared one, gated delta rule, E 32, 4 layers, "
         "one stream", "decoding", FOUR_MIXTURE, 1, 2048, 1, ("mixture",), start=1024),
]  # fmt: skip


def work(id):
    """The benchmark with this ID; without one, raises SystemExit with a list of IDs."""
    for candidate in WORKS:
        if candidate.id == id:
            return candidate
    raise SystemExit(f"there is no work {id}; the works are {', '.join(work.id for work in WORKS)}")
