"""Golden files for the Swift tests: small networks computed by definition, in float64, with PyTorch.

    python3 Tests/Goldens/generate.py                    write the golden files next to this script
    python3 Tests/Goldens/generate.py --check FILE...    recompute golden files, print the largest errors

Needs torch and safetensors. The code favours obviousness over speed. `goldens.py` lists the files; `trunk.py` defines
the blocks; `memories` has a module per kind of memory: its definition, its keys (REQUIRED and, with their defaults,
OPTIONS) and its random weights.

Every file holds float32 weights under their PyTorch names and the metadata key `config` (JSON); with them either

    input_ids, targets [B, L], logits [B, L, V], loss [1], grad.NAME      one forward and backward pass, or
    input_ids, targets [steps, B, L], losses [steps], after.NAME          AdamW training (settings: OPTIMIZER);
                                                                          losses[i] is taken before update i.

`config` has the memory of all blocks as the object `memory`, or one object per block as the list `memories`, each with
its `kind`. Such files hold two more losses, [1] each: loss = loss.cross_entropy + balanceScale * loss.balance; the
latter is a mean over the blocks with a router, 0 without any. In the flat form, without either key, all memories are
logarithmic and their keys are at the top.

A configuration whose `kind` is memformer is that of an encoder-decoder, which `memformer.py` defines. Files whose
metadata have the `task` forecast hold a forecaster, which `forecaster.py` defines: its weights, the metadata of its
model file, and series [B, L + 1, C], covariates [B, more rows, K], forecasts [B, L, N], loss [1], grad.NAME.

The files in `statedicts` hold the weights of the first golden file as PyTorch models save them (STATE_DICTS).

Results are computed in float64 from the float32 weights and rounded once, to float32. An error printed by `--check` is
the largest absolute difference within a tensor, divided by that tensor's largest magnitude. Some biases add the same to
all scores of a position (in the logarithmic memory that of the queries, the first third of qkv.bias; in attention that
of the keys, the second; in slot memories this one, too), so their true gradient is 0: what is stored is rounding noise,
and AdamW in float32 may turn such noise into steps of up to the learning rate. With one chosen memory per token, a
router has the gradient of the balance loss only; a router of one memory has gradient 0.

Float32 is inaccurate where a norm divides by a small number or a softmax at a low temperature switches between values,
and decides by rounding between router logits that are nearly equal. The random weights of files with kinds avoid that:
they are those of the first seed for which float32 agrees with the results to CONDITION, rounding of the weights alone
changes the results by less than the tests accept (TOLERANCE, NORMED_TOLERANCE), and the logits of the last chosen and
the first rejected memory differ by MARGIN. Agreement of float32 alone may be luck of one order of sums: another order,
that of another processor, is then off by as much as the weights' rounding is.
"""

import argparse
import functools
import itertools
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

import forecaster
import memformer
import trunk
from drawing import Drawing
from goldens import FLAT_GOLDENS, FLAT_KEYS, FORECASTERS, GOLDENS, MEMFORMERS, TRAINING
from memories import mixture_of_memories

OPTIMIZER = {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
STEPS = 10
DATA = ("input_ids", "targets", "series", "covariates")
CONDITION = 5e-6
# Errors that the tests accept, and those of memories with a norm per head.
TOLERANCE, NORMED_TOLERANCE = 1e-5, 1e-4
MARGIN = 1e-3
# What stands before all names, whether query, key and value are apart, and the types that tensors have in turn.
STATE_DICTS = {
    "wrapped": ("_orig_mod.module.", True, [torch.float64]),
    "halved": ("", False, [torch.float16, torch.bfloat16]),
}


def forward(config, weights, input_ids):
    """Token numbers [B, L] -> logits [B, L, V], and the logits of every router with the settings of its memory."""
    x, routers = trunk.output(config, weights, weights["token_embedding_table.weight"][input_ids])
    head = "token_embedding_table.weight" if config.get("tiedHead") else "lm_head.weight"
    return F.linear(x, weights[head], weights["lm_head.bias"]), routers


def losses(config, logits, routers, targets):
    """By name; of a configuration without kinds only the total."""
    cross_entropy = F.cross_entropy(logits.transpose(1, 2), targets)
    if not trunk.has_kinds(config):
        return {"loss": cross_entropy}
    balances = [mixture_of_memories.balance_loss(*router) for router in routers]
    balance = torch.stack(balances).mean() if balances else torch.zeros_like(cross_entropy)
    total = cross_entropy + (trunk.OPTIONS | config)["balanceScale"] * balance
    return {"loss": total, "loss.cross_entropy": cross_entropy, "loss.balance": balance}


def results(config, weights, input_ids, targets, dtype=torch.float64):
    """Everything a golden file holds besides the weights and the tokens."""
    if config.get("kind") == "memformer":
        return memformer.results(config, weights, input_ids, targets, dtype)
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}
    if input_ids.dim() == 2:
        logits, routers = forward(config, weights, input_ids)
        named = losses(config, logits, routers, targets)
        gradients = torch.autograd.grad(named["loss"], weights.values(), allow_unused=True, materialize_grads=True)
        values = {"logits": logits.detach()} | {name: loss.detach()[None] for name, loss in named.items()}
        return values | {"grad." + name: g for name, g in zip(weights, gradients)}
    optimizer = torch.optim.AdamW(weights.values(), **OPTIMIZER)
    before = []
    for inputs, wanted in zip(input_ids, targets):
        optimizer.zero_grad()
        before.append(losses(config, *forward(config, weights, inputs), wanted)["loss"])
        before[-1].backward()
        optimizer.step()
    return {"after." + n: w.detach() for n, w in weights.items()} | {"losses": torch.stack(before).detach()}


def relative_errors(computed, wanted):
    """By name: the largest absolute difference divided by the largest magnitude."""
    return {
        name: ((computed[name] - tensor).abs().max() / tensor.abs().max().clamp(min=1e-30)).item()
        for name, tensor in wanted.items()
    }


def effect_of_rounding(compute, weights, computed):
    """Largest relative change of a result when each weight moves by up to half a unit in the last place of float32."""
    generator = torch.Generator().manual_seed(1)

    def moved(weight):
        return weight.double() * (1 + 2**-24 * (2 * torch.rand(weight.shape, generator=generator).double() - 1))

    changed = [compute({n: moved(w) for n, w in weights.items()}) for _ in range(4)]
    return max(max(relative_errors(values, computed).values()) for values in changed)


def chooses_clearly(config, weights, tokens):
    """Whether no router's choice is close."""
    _, routers = forward(config, {name: w.double() for name, w in weights.items()}, tokens["input_ids"])
    return all(mixture_of_memories.router_margin(*router) >= MARGIN for router in routers)


def is_conditioned(compute, weights, computed):
    """Whether float32 agrees with the results of `compute`, whatever the order of its sums."""
    single = compute(weights, dtype=torch.float32)
    if max(relative_errors(single, computed).values()) > CONDITION:
        return False
    has_normed_heads = any(name.endswith(".output_norm.weight") for name in weights)
    accepted = NORMED_TOLERANCE if has_normed_heads else TOLERANCE
    return effect_of_rounding(compute, weights, computed) <= accepted


def random_weights(config, generator):
    """Normal weights of standard deviation 1 / sqrt(fan in), gains near 1, biases large enough to matter."""
    vocab, width = config["vocab"], config["width"]
    drawing = Drawing(generator)
    drawing.normal("token_embedding_table.weight", vocab, width)
    trunk.draw(config, drawing)
    drawing.affine("lm_head.", vocab, width, bias=vocab, fan_in=width)
    if config.get("tiedHead"):
        del drawing.weights["lm_head.weight"]
    return drawing.weights


def write(path, config, shape, seeds):
    """Writes the results of the first seed whose weights are suitable; of a configuration without kinds all are."""
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        weights = random_weights(config, generator)
        tokens = {n: torch.randint(config["vocab"], shape, generator=generator) for n in ("input_ids", "targets")}
        compute = functools.partial(results, config, **tokens)
        computed = compute(weights)
        if not trunk.has_kinds(config) or (
            chooses_clearly(config, weights, tokens) and is_conditioned(compute, weights, computed)
        ):
            break
    save(path, {"config": config}, weights, tokens, computed)


def write_memformer(path, config, lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    drawing = Drawing(generator)
    memformer.draw(config, drawing)
    tokens = memformer.random_tokens(config, lengths, generator)
    save(path, {"config": config}, drawing.weights, tokens, memformer.results(config, drawing.weights, **tokens))


def write_forecaster(path, model, batch, rows, seeds):
    """Writes the results of the first seed whose weights are suitable."""
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        drawing = Drawing(generator)
        forecaster.draw(model, drawing)
        series = forecaster.random_series(model, batch, rows, generator)
        compute = functools.partial(forecaster.results, model, **series)
        computed = compute(drawing.weights)
        if is_conditioned(compute, drawing.weights, computed):
            break
    metadata = {"task": "forecast", "format_version": "1"} | model
    save(path, metadata, drawing.weights, series, computed)


def save(path, metadata, weights, data, computed):
    rounded = {name: r.float().contiguous() for name, r in computed.items()}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    save_file(weights | data | rounded, path, texts)
    print(f"{path.name}: {path.stat().st_size} bytes")


def write_state_dict(path, golden, prefix, separate, types):
    """The weights of a golden file, the configuration in the metadata unless they come from a wrapped model."""
    with safe_open(golden, "pt") as file:
        config = file.metadata()
        weights = {n: file.get_tensor(n) for n in file.keys() if n.startswith(("token", "blocks", "ln_f", "lm_head"))}
    if separate:
        for name in [n for n in weights if ".qkv." in n]:
            for part, rows in zip("qkv", weights.pop(name).chunk(3)):
                weights[name.replace("qkv", "sva." + part)] = rows
    named = {prefix + n: w.to(types[i % len(types)]).contiguous() for i, (n, w) in enumerate(sorted(weights.items()))}
    save_file(named, path, None if prefix else config)
    print(f"{path.name}: {path.stat().st_size} bytes")


def check(path):
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    data = {name: tensors.pop(name) for name in DATA if name in tensors}
    outputs = [n for n in tensors if n in ("logits", "forecasts") or n.startswith(("loss", "grad.", "after."))]
    stored = {name: tensors.pop(name).double() for name in outputs}
    if metadata.get("task") == "forecast":
        texts = ("task", "format_version")
        model = {key: json.loads(value) for key, value in metadata.items() if key not in texts}
        computed = forecaster.results(model, tensors, **data)
    else:
        computed = results(json.loads(metadata["config"]), tensors, **data)
    assert computed.keys() == stored.keys(), sorted(computed.keys() ^ stored.keys())
    errors = relative_errors(computed, stored)
    worst = max(errors, key=errors.get)
    print(f"{path}: {len(errors)} tensors, largest relative error {errors[worst]:.2e} ({worst})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", nargs="+", metavar="FILE", type=pathlib.Path, help="recompute these files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        list(map(check, arguments.check))
        return
    folder = pathlib.Path(__file__).resolve().parent
    for seed, (*configuration, batch, length, options) in enumerate(FLAT_GOLDENS, start=1):
        config = dict(zip(FLAT_KEYS, configuration)) | options
        name = "{summarizer}-{width}x{heads}-L{length}.safetensors".format(**config, length=length)
        write(folder / name, config, (batch, length), [seed])
        if seed == 1:
            for kind, settings in STATE_DICTS.items():
                write_state_dict(folder / "statedicts" / f"{kind}.safetensors", folder / name, *settings)
    *configuration, batch, length = TRAINING
    config = dict(zip(FLAT_KEYS, configuration))
    write(folder / f"training-{STEPS}-steps.safetensors", config, (STEPS, batch, length), [100])
    for number, golden in enumerate(GOLDENS, start=1):
        name, vocab, width, feed_forward, batch, length, layers, memory, options = golden
        config = {"vocab": vocab, "width": width, "layers": layers or len(memory), "feedForward": feed_forward}
        config |= {"memory" if layers else "memories": memory} | options
        write(folder / f"{name}-L{length}.safetensors", config, (batch, length), itertools.count(1000 * number))
    for seed, (name, values, options, lengths) in enumerate(MEMFORMERS, start=1):
        config = {"kind": "memformer"} | dict(zip(memformer.REQUIRED, values)) | options
        write_memformer(folder / f"memformer-{name}.safetensors", config, lengths, seed)
    for number, (name, *model, batch, rows) in enumerate(FORECASTERS, start=1):
        path = folder / f"forecaster-{name}.safetensors"
        write_forecaster(path, forecaster.described(*model), batch, rows, itertools.count(1000 * number))


if __name__ == "__main__":
    main()
