"""Golden files for the Swift tests: small LMNs computed by definition, in float64, with PyTorch.

    python3 Tests/Goldens/generate.py                    write the golden files next to this script
    python3 Tests/Goldens/generate.py --check FILE...    recompute golden files, print the largest errors

Keys that a configuration need not have: those of OPTIONS.

Needs torch and safetensors. The code favours obviousness over speed: it lays out every slot of every position. Every
file holds float32 weights under their PyTorch names and the metadata key `config` (JSON); with them either

    input_ids, targets [B, L], logits [B, L, V], loss [1], grad.NAME      one forward and backward pass, or
    input_ids, targets [steps, B, L], losses [steps], after.NAME          AdamW training (settings: OPTIMIZER);
                                                                          losses[i] is taken before update i.

The files in `statedicts` hold the weights of the first golden file as PyTorch models save them (STATE_DICTS).

Results are computed in float64 from the float32 weights and rounded once, to float32. An error printed by `--check` is
the largest absolute difference within a tensor, divided by that tensor's largest magnitude. The bias of the queries
(the first third of qkv.bias) adds the same to all scores of a position, so its true gradient is 0: what is stored is
rounding noise, and AdamW in float32 may turn such noise into steps of up to the learning rate.
"""

import argparse
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

RMS_EPSILON = 1.1920929e-07
CONFIG_KEYS = ("vocab", "width", "heads", "layers", "banks", "feedForward", "summarizer")
# What they are where the configuration does not say.
OPTIONS = {
    "expand": 0, "arity": 2, "visibility": "latest", "levelBias": False, "maximumLevels": None, "window": 0, "pinned": 0,
    "activation": "silu", "positions": "none", "maximumLength": None, "tiedHead": False,
}
OPTIMIZER = {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
STEPS = 10

# The configuration, in the order of CONFIG_KEYS, then batch and length, and the options that differ from OPTIONS.
GOLDENS = [
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
]
# What stands before all names, whether query, key and value are apart, and the types that tensors have in turn.
STATE_DICTS = {
    "wrapped": ("_orig_mod.module.", True, [torch.float64]),
    "halved": ("", False, [torch.float16, torch.bfloat16]),
}
TRAINING = (13, 16, 2, 2, 2, 2, "linear", 3, 21)


def grow(config, weights, block, nodes):
    """[B, K, n, S, E] -> [B, K, n, S + g, E]: the list of slots of every node, longer by g."""
    if not config["expand"]:
        return nodes
    prefix = block + "expander.conv_transpose."
    lists = nodes.flatten(0, 2).transpose(1, 2)
    grown = F.conv_transpose1d(lists, weights[prefix + "weight"], weights[prefix + "bias"])
    return grown.transpose(1, 2).unflatten(0, nodes.shape[:3])


def summarize(config, weights, prefix, children):
    """[B, K, n, r, S, E] -> [B, K, n, S, E]: one node for every r children, slot by slot."""
    batch, banks, count, arity, slots, width = children.shape
    if config["summarizer"] == "linear":
        together = children.transpose(3, 4).flatten(-2)
        node = torch.einsum("bknsi,kio->bknso", together, weights[prefix + "weight"])
        return node + weights[prefix + "bias"][..., None, :]
    if config["summarizer"] == "depthwiseSeparable":
        mixed = torch.einsum("bknrse,ker->bknse", children, weights[prefix + "depthwise.weight"])
        mixed = mixed + weights[prefix + "depthwise.bias"][:, None, None]
        node = torch.einsum("bknsi,kio->bknso", mixed, weights[prefix + "pointwise.weight"])
        return node + weights[prefix + "pointwise.bias"][:, None, None]
    channels = children.permute(0, 4, 1, 5, 2, 3).reshape(batch * slots, banks * width, count * arity)
    groups = banks if config["summarizer"] == "convGrouped" else 1
    node = F.conv1d(
        channels, weights[prefix + "conv.weight"], weights[prefix + "conv.bias"], stride=arity, groups=groups
    )
    return node.reshape(batch, slots, banks, width, count).permute(0, 2, 4, 1, 3)


def visible_slots(config, weights, block, y):
    """[B, L, E] -> the slots that each position sees [B, L, S, E], which are present, and what is added to scores."""
    batch, length, _ = y.shape
    arity, disjoint = config["arity"], config["visibility"] == "disjoint"
    highest = config["maximumLevels"] or 63
    position = torch.arange(length)
    slots, present, biases = [], [], []

    def add(vectors, seen, bias):
        slots.append(vectors)
        present.append(seen.expand(batch, length))
        biases.append(bias.expand(batch, length, config["heads"]))

    none = y.new_zeros(1)
    nodes = y[:, None, :, None].expand(-1, config["banks"], -1, -1, -1)  # level 0 is shared by all banks
    for level in range(highest + 1):
        bias = weights[block + "level_bias"][level] if config["levelBias"] else none
        finished = (position + 1) // arity**level
        waits = disjoint and level < highest
        for back in range(arity - 1 if waits else 1):
            node = finished - 1 - back
            seen = (back < finished % arity) if waits else node >= 0
            for bank in range(config["banks"] if level else 1):
                for slot in range(nodes.shape[3]):
                    add(nodes[:, bank, node.clamp(min=0), slot], seen, bias)
        whole = nodes.shape[2] // arity
        if whole == 0:
            break
        children = grow(config, weights, block, nodes)[:, :, : whole * arity].unflatten(2, (whole, arity))
        nodes = summarize(config, weights, block + "summarizer.", children)
    for back in range(1, config["window"] + 1):
        add(y[:, (position - back).clamp(min=0)], position >= back, none)
    if config["pinned"]:
        score = F.linear(y, weights[block + "pinning.score.weight"], weights[block + "pinning.score.bias"])[..., 0]
        places = torch.tensor([pinned_tokens(row, config["pinned"]) for row in score.tolist()])  # [B, L, p]
        rows = torch.arange(batch)[:, None]
        for place in range(config["pinned"]):
            token = places[:, :, place]
            gate = F.logsigmoid(score[rows, token.clamp(min=0)])
            add(y[rows, token.clamp(min=0)], token >= 0, gate[..., None])
    return torch.stack(slots, dim=2), torch.stack(present, dim=2), torch.stack(biases, dim=2)


def pinned_tokens(scores, places):
    """For every position the tokens with the highest scores before it, -1 for an empty place."""
    pinned, views = [-1] * places, []
    for token, score in enumerate(scores):
        views.append(list(pinned))
        worst = min(range(places), key=lambda place: scores[pinned[place]] if pinned[place] >= 0 else -float("inf"))
        if pinned[worst] < 0 or score > scores[pinned[worst]]:
            pinned[worst] = token
    return views


def single_vector_attention(config, weights, prefix, y, slots, present, biases):
    """Every slot gives a query and a value, the current position gives the one key."""
    heads = (config["heads"], config["width"] // config["heads"])
    wq, wk, wv = weights[prefix + "qkv.weight"].chunk(3)
    bq, bk, bv = weights[prefix + "qkv.bias"].chunk(3)
    q = F.linear(slots, wq, bq).unflatten(-1, heads)  # [B, L, S, H, D]
    v = F.linear(slots, wv, bv).unflatten(-1, heads)
    k = F.linear(y, wk, bk).unflatten(-1, heads)  # [B, L, H, D]
    scores = torch.einsum("blshd,blhd->blsh", q, k) / heads[1] ** 0.5 + biases
    scores = scores.masked_fill(~present[..., None], -torch.inf)
    return torch.einsum("blsh,blshd->blhd", scores.softmax(dim=2), v).flatten(-2)


def positions(config, weights, length):
    """What is added to the embedded tokens [B, L, E]: a vector per position [L, E]."""
    if config["positions"] == "none":
        return 0
    if config["positions"] == "learned":
        return weights["position_embedding_table.weight"][:length]
    position = torch.arange(length, dtype=torch.float64)[:, None]
    feature = torch.arange(config["width"], dtype=torch.float64)
    angle = position / 10_000 ** (feature // 2 * 2 / config["width"])
    return torch.where(feature % 2 == 0, angle.sin(), angle.cos())


def forward(config, weights, input_ids):
    """Token numbers [B, L] -> logits [B, L, V]."""

    def linear(name, x):
        return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])

    config = OPTIONS | config
    activation = {"silu": F.silu, "gelu": F.gelu, "relu": F.relu}[config["activation"]]
    width = [config["width"]]
    x = weights["token_embedding_table.weight"][input_ids] + positions(config, weights, input_ids.shape[1])
    for layer in range(config["layers"]):
        block = f"blocks.{layer}."
        y = F.rms_norm(x, width, weights[block + "norm1.weight"], RMS_EPSILON)
        attended = single_vector_attention(config, weights, block, y, *visible_slots(config, weights, block, y))
        x = x + linear(block + "out_proj", attended)
        y = F.rms_norm(x, width, weights[block + "norm2.weight"], RMS_EPSILON)
        x = x + linear(block + "feedforward.2", activation(linear(block + "feedforward.0", y)))
    x = F.layer_norm(x, width, weights["ln_f.weight"], weights["ln_f.bias"], 1e-5)
    head = "token_embedding_table.weight" if config["tiedHead"] else "lm_head.weight"
    return F.linear(x, weights[head], weights["lm_head.bias"])


def results(config, weights, input_ids, targets):
    """Everything a golden file holds besides the weights and the tokens, in float64."""
    weights = {name: w.double().requires_grad_() for name, w in weights.items()}
    if input_ids.dim() == 2:
        logits = forward(config, weights, input_ids)
        loss = F.cross_entropy(logits.transpose(1, 2), targets)
        gradients = torch.autograd.grad(loss, weights.values(), allow_unused=True, materialize_grads=True)
        named = {"grad." + name: g for name, g in zip(weights, gradients)}
        return named | {"logits": logits.detach(), "loss": loss.detach()[None]}
    optimizer = torch.optim.AdamW(weights.values(), **OPTIMIZER)
    losses = []
    for inputs, wanted in zip(input_ids, targets):
        optimizer.zero_grad()
        losses.append(F.cross_entropy(forward(config, weights, inputs).transpose(1, 2), wanted))
        losses[-1].backward()
        optimizer.step()
    return {"after." + n: w.detach() for n, w in weights.items()} | {"losses": torch.stack(losses).detach()}


def random_weights(config, generator):
    """Normal weights of standard deviation 1 / sqrt(fan in), gains near 1, biases large enough to matter."""
    vocab, width, banks, hidden = (config[k] for k in ("vocab", "width", "banks", "feedForward"))
    hidden *= width
    options = OPTIONS | config
    arity = options["arity"]
    weights = {"token_embedding_table.weight": torch.randn(vocab, width, generator=generator)}
    if options["positions"] == "learned":
        shape = (options["maximumLength"], width)
        weights["position_embedding_table.weight"] = torch.randn(shape, generator=generator)

    def affine(name, *shape, bias, fan_in):
        weights[name + "weight"] = torch.randn(shape, generator=generator) / fan_in**0.5
        weights[name + "bias"] = 0.2 * torch.randn(bias, generator=generator)

    def gain(name):
        weights[name] = 1 + 0.2 * torch.randn(width, generator=generator)

    for layer in range(config["layers"]):
        block = f"blocks.{layer}."
        gain(block + "norm1.weight")
        gain(block + "norm2.weight")
        if config["summarizer"] == "linear":
            both = arity * width
            affine(block + "summarizer.", banks, both, width, bias=(1, banks, 1, width), fan_in=both)
        elif config["summarizer"] == "depthwiseSeparable":
            affine(block + "summarizer.depthwise.", banks, width, arity, bias=(banks, width), fan_in=arity)
            affine(block + "summarizer.pointwise.", banks, width, width, bias=(banks, width), fan_in=width)
        else:
            inputs = width if config["summarizer"] == "convGrouped" else banks * width
            shape = (banks * width, inputs, arity)
            affine(block + "summarizer.conv.", *shape, bias=banks * width, fan_in=arity * inputs)
        if options["expand"]:
            taps = 1 + options["expand"]
            affine(block + "expander.conv_transpose.", width, width, taps, bias=width, fan_in=taps * width)
        if options["levelBias"]:
            shape = (options["maximumLevels"] + 1, config["heads"])
            weights[block + "level_bias"] = torch.randn(shape, generator=generator)
        if options["pinned"]:
            affine(block + "pinning.score.", 1, width, bias=1, fan_in=1)
        affine(block + "qkv.", 3 * width, width, bias=3 * width, fan_in=width)
        affine(block + "out_proj.", width, width, bias=width, fan_in=width)
        affine(block + "feedforward.0.", hidden, width, bias=hidden, fan_in=width)
        affine(block + "feedforward.2.", width, hidden, bias=width, fan_in=hidden)
    gain("ln_f.weight")
    weights["ln_f.bias"] = 0.2 * torch.randn(width, generator=generator)
    affine("lm_head.", vocab, width, bias=vocab, fan_in=width)
    if options["tiedHead"]:
        del weights["lm_head.weight"]
    return weights


def write(path, configuration, options, shape, seed):
    config = dict(zip(CONFIG_KEYS, configuration)) | options
    generator = torch.Generator().manual_seed(seed)
    weights = random_weights(config, generator)
    tokens = {n: torch.randint(config["vocab"], shape, generator=generator) for n in ("input_ids", "targets")}
    computed = {name: r.float().contiguous() for name, r in results(config, weights, **tokens).items()}
    save_file(weights | tokens | computed, path, {"config": json.dumps(config)})
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
        config = json.loads(file.metadata()["config"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    tokens = {name: tensors.pop(name) for name in ("input_ids", "targets")}
    outputs = [n for n in tensors if n in ("logits", "loss", "losses") or n.startswith(("grad.", "after."))]
    stored = {name: tensors.pop(name).double() for name in outputs}
    computed = results(config, tensors, **tokens)
    assert computed.keys() == stored.keys(), sorted(computed.keys() ^ stored.keys())
    errors = {}
    for name, wanted in stored.items():
        errors[name] = ((computed[name] - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30)).item()
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
    for seed, (*configuration, batch, length, options) in enumerate(GOLDENS, start=1):
        name = "{6}-{1}x{2}-L{length}.safetensors".format(*configuration, length=length)
        write(folder / name, configuration, options, (batch, length), seed)
        if seed == 1:
            for kind, settings in STATE_DICTS.items():
                write_state_dict(folder / "statedicts" / f"{kind}.safetensors", folder / name, *settings)
    *configuration, batch, length = TRAINING
    write(folder / f"training-{STEPS}-steps.safetensors", configuration, {}, (STEPS, batch, length), 100)


if __name__ == "__main__":
    main()
