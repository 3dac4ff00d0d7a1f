"""The model benchmarks that LMN and its PyTorch peers share. IDs are those of the Swift program."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    """Size of an LMN or, apart from the banks, of a GPT-2. Feed-forward layers have width 4 E."""

    vocabulary: int
    width: int
    heads: int
    layers: int
    banks: int


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


PEERS = {
    "slots": "LMN, every slot laid out, as published",
    "nodes": "LMN, nodes projected once, gathered, fused attention",
    "blocks": "LMN, nodes projected once, nothing gathered",
    "sequential": "LMN, sequential, O(log n) state",
    "gpt2": "GPT-2 (fused attention, key/value cache)",
}
PARALLEL = ("slots", "nodes", "blocks")  # formulations of the same function

SMALL = Shape(vocabulary=65, width=32, heads=4, layers=4, banks=2)  # 71,489 parameters
WIDE = Shape(vocabulary=256, width=256, heads=8, layers=6, banks=2)
LONG = dataclasses.replace(WIDE, banks=4)
LAYER = dataclasses.replace(SMALL, layers=1)

DECODING_START = 512  # earlier positions are read, not timed

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
]  # fmt: skip


def work(id):
    """The benchmark with this ID; without one, raises SystemExit with a list of IDs."""
    for candidate in WORKS:
        if candidate.id == id:
            return candidate
    raise SystemExit(f"there is no work {id}; the works are {', '.join(work.id for work in WORKS)}")
