"""Compares loss, logits and gradients of peers with the definitions of the memories in Tests/Goldens.

    python3 Benchmarks/Peers/verify.py

Prints, per memory and type, the largest absolute difference within a tensor, divided by that tensor's largest
magnitude: about 1e-14 in float64, 2e-6 in float32. Needs torch and safetensors.
"""

import pathlib
import sys

import torch

from attention import Attention
from linear_memory import LinearMemory
from mixture_of_memories import MixtureOfMemories
from network import Network
from slot_memory import SlotMemory
from works import Shape

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Goldens"))
import generate  # noqa: E402

SHAPE = Shape(vocabulary=11, width=16, heads=2, layers=2)
BATCH, LENGTH = 3, 150  # several chunks, the last one not full
LINEAR = {"rule": "gatedDelta", "heads": 2, "keyWidth": 8, "valueWidth": 8}
MEMORIES = [
    ({"kind": "linear"} | LINEAR, lambda: LinearMemory(16, 2)),
    ({"kind": "mixtureOfMemories", "memories": 4, "topK": 2} | LINEAR, lambda: MixtureOfMemories(16, 2, 4, 2)),
    ({"kind": "attention", "heads": 2}, lambda: Attention(16, 2)),
    ({"kind": "slots", "slots": 5, "segment": 16, "heads": 2}, lambda: SlotMemory(16, 2, 5, 16)),
]
RENAMED = {"embedding": "token_embedding_table", "norm": "ln_f", "head": "lm_head"}


def published(tensors):
    """Weights or gradients of a network under the names of golden files; merged matrices are taken apart."""
    result = {}
    for name, tensor in tensors.items():
        first, rest = name.replace(".memory.", ".").split(".", 1)
        name = f"{RENAMED.get(first, first)}.{rest}"
        prefix, last = name.rsplit(".", 1)
        if last == "memories":
            parts = tensor.split([SHAPE.width, SHAPE.width, SHAPE.heads, SHAPE.heads], dim=1)
            for part, rows in zip(("key", "value", "beta", "decay"), parts):
                result[f"{prefix}.{part}.weight"] = rows.flatten(0, 1)
        elif last == "key_value_conv":
            for part, rows in zip(("key", "value"), tensor.chunk(2)):
                result[f"{prefix}.{part}_conv.weight"] = rows
        elif last == "query_conv":
            result[name + ".weight"] = tensor
        else:
            result[name] = tensor
    return result


def largest_error(memory, make, dtype):
    torch.manual_seed(1)
    network = Network(SHAPE, [make() for _ in range(SHAPE.layers)]).to(dtype)
    tokens, targets = torch.randint(SHAPE.vocabulary, (2, BATCH, LENGTH))
    loss = network.loss(tokens, targets)
    parameters = dict(network.named_parameters())
    gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values()))))
    computed = {"logits": network(tokens).detach(), "loss": loss.detach()[None]}
    computed |= {"grad." + name: gradient for name, gradient in published(gradients).items()}
    config = {"vocab": SHAPE.vocabulary, "width": SHAPE.width, "layers": SHAPE.layers, "feedForward": 4}
    config["memory"] = memory
    weights = published({name: parameter.detach() for name, parameter in parameters.items()})
    wanted = generate.results(config, weights, tokens, targets)
    del wanted["loss.cross_entropy"], wanted["loss.balance"]
    assert computed.keys() == wanted.keys(), sorted(computed.keys() ^ wanted.keys())
    errors = generate.relative_errors(computed, wanted)
    worst = max(errors, key=errors.get)
    return f"{errors[worst]:.1e} ({worst})"


def main():
    for memory, make in MEMORIES:
        for dtype in (torch.float64, torch.float32):
            print(f"{memory['kind']}, {dtype}: {largest_error(memory, make, dtype)}")


if __name__ == "__main__":
    main()
