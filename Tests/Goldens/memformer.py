"""The encoder-decoder Memformer (arXiv 2010.06891, second version) by definition: text by text, segment by segment.

Column t S + i of the tokens [B, L] is token i of segment t of a text; where there is none, targets are -1. A segment's
tokens stand first, and the first empty segment ends the text. Logits are those of the token in their place.
"""

import torch
import torch.nn.functional as F

from memories import slots

REQUIRED = ("vocab", "width", "heads", "encoderLayers", "decoderLayers", "feedForward", "slots", "segment")
OPTIONS = {"temperature": 0.25, "forgetting": True}


class Model:
    def __init__(self, config, weights):
        self.config, self.weights = OPTIONS | config, weights

    def affine(self, name, x):
        return F.linear(x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.weights[name + ".weight"], self.weights[name + ".bias"], 1e-5)

    def embed(self, tokens):
        return self.weights["token_embedding_table.weight"][torch.tensor(tokens)]

    def attention(self, name, queries, keys, values, bias=0):
        """Of queries [n, E] to keys and values [m, E], with a bias [H, n, m]."""
        q, k, v = (x.unflatten(-1, (self.config["heads"], -1)) for x in (queries, keys, values))
        scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[-1] ** 0.5 + bias
        return self.affine(name + ".out_proj", torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).flatten(-2))

    def block(self, prefix, x, causal, cross, context):
        n, segment = len(x), self.config["segment"]
        table = self.weights[prefix + "attention.position_bias"]
        i, j = torch.arange(n)[:, None], torch.arange(n)
        if causal:
            bias = table[:, (i - j).clamp(min=0)].masked_fill(j > i, -torch.inf)
        else:
            bias = table[:, j - i + segment - 1]
        projected = self.affine(prefix + "attention.qkv", self.norm(prefix + "norm1", x)).chunk(3, dim=-1)
        x = x + self.attention(prefix + "attention", *projected, bias)
        query = self.affine(prefix + cross + ".q", self.norm(prefix + "norm2", x))
        x = x + self.attention(prefix + cross, query, *self.affine(prefix + cross + ".kv", context).chunk(2, dim=-1))
        inner = F.gelu(self.affine(prefix + "feedforward.0", self.norm(prefix + "norm3", x)))
        return x + self.affine(prefix + "feedforward.2", inner)

    def encoded(self, tokens, memory):
        x = self.embed(tokens)
        for n in range(self.config["encoderLayers"]):
            x = self.block(f"encoder.blocks.{n}.", x, False, "memory_read", memory)
        return self.norm("encoder.ln_f", x)

    def logits(self, tokens, source):
        x = self.embed([self.config["vocab"]] + tokens[:-1])
        for n in range(self.config["decoderLayers"]):
            x = self.block(f"decoder.blocks.{n}.", x, True, "cross_attention", source)
        return self.affine("lm_head", self.norm("decoder.ln_f", x))

    def text_logits(self, segments):
        """Logits [n, V] of the n tokens of every segment of a text."""
        memory = slots.normed(self.weights["memory.forgetting"])
        source, all_logits = [self.config["vocab"]], []
        for segment in segments:
            encoded = self.encoded(source, memory)
            all_logits.append(self.logits(segment, encoded))
            memory = slots.written(self.config, self.weights, "memory.", memory[None], encoded[None])[0]
            source = segment
        return all_logits


def segments_of(row, segment):
    """Tokens of every segment of a row of targets."""
    parts = [[t for t in part.tolist() if t >= 0] for part in row.split(segment)]
    return parts[: parts.index([])] if [] in parts else parts


def results(config, weights, input_ids, targets, dtype=torch.float64):
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}
    model, segment = Model(config, weights), config["segment"]
    logits = torch.zeros(*targets.shape, config["vocab"], dtype=dtype)
    for row, text in enumerate(targets):
        for t, values in enumerate(model.text_logits(segments_of(text, segment))):
            logits[row, t * segment : t * segment + len(values)] = values
    present = targets >= 0
    loss = F.cross_entropy(logits[present], targets[present])
    gradients = torch.autograd.grad(loss, weights.values(), allow_unused=True, materialize_grads=True)
    named = {"grad." + name: g for name, g in zip(weights, gradients)}
    return {"logits": logits.detach(), "loss": loss.detach()[None]} | named


def random_tokens(config, lengths, generator):
    """A text per list of the lengths of its segments."""
    segment = config["segment"]
    length = max((len(text) - 1) * segment + text[-1] for text in lengths)
    targets = torch.full((len(lengths), length), -1)
    for row, text in enumerate(lengths):
        for t, n in enumerate(text):
            targets[row, t * segment : t * segment + n] = torch.randint(config["vocab"], (n,), generator=generator)
    return {"input_ids": targets.clamp(min=0), "targets": targets}


def draw(config, drawing):
    width, heads, segment = config["width"], config["heads"], config["segment"]

    def norm(name):
        drawing.gain(name + ".weight", width)
        drawing.normal(name + ".bias", width, deviation=0.2)

    def affine(name, outputs, inputs):
        drawing.affine(name + ".", outputs, inputs, bias=outputs, fan_in=inputs)

    def stack(name, layers, cross, distances):
        for prefix in (f"{name}.blocks.{n}." for n in range(layers)):
            for number in (1, 2, 3):
                norm(f"{prefix}norm{number}")
            affine(prefix + "attention.qkv", 3 * width, width)
            drawing.normal(prefix + "attention.position_bias", heads, distances, deviation=0.5)
            affine(prefix + "attention.out_proj", width, width)
            affine(f"{prefix}{cross}.q", width, width)
            affine(f"{prefix}{cross}.kv", 2 * width, width)
            affine(f"{prefix}{cross}.out_proj", width, width)
            affine(prefix + "feedforward.0", config["feedForward"] * width, width)
            affine(prefix + "feedforward.2", width, config["feedForward"] * width)
        norm(name + ".ln_f")

    drawing.normal("token_embedding_table.weight", config["vocab"] + 1, width)
    stack("encoder", config["encoderLayers"], "memory_read", 2 * segment - 1)
    stack("decoder", config["decoderLayers"], "cross_attention", segment)
    drawing.matrix("memory.write.weight", 3 * width, width, fan_in=width)
    drawing.normal("memory.forgetting", config["slots"], width, deviation=0.5)
    affine("lm_head", config["vocab"], width)
