"""GPT-2 in PyTorch: pre-norm, learned positions, fused causal attention, and decoding with a key/value cache."""

import torch
import torch.nn.functional as F
from torch import nn

from network import LanguageModel


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.norm1 = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out_proj = nn.Linear(shape.width, shape.width)
        self.norm2 = nn.LayerNorm(shape.width)
        self.feedforward = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.GELU("tanh"), nn.Linear(4 * shape.width, shape.width)
        )

    def project(self, x):
        """[B, L, E] -> queries, keys and values [B, H, L, D]."""
        return (
            z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )

    def finish(self, x, attended):
        """The rest of the block after attention [B, H, L, D]."""
        x = x + self.out_proj(attended.transpose(1, 2).reshape(x.shape))
        return x + self.feedforward(self.norm2(x))

    def forward(self, x):
        return self.finish(x, F.scaled_dot_product_attention(*self.project(x), is_causal=True))


class GPT2(LanguageModel):
    def __init__(self, shape, length):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(length, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Decoder:
    """Decode steps of streams at one position. The cache is preallocated; attention reads its filled part."""

    def __init__(self, model, batch, length):
        shape = model.shape
        self.model, self.tokens_seen = model, 0
        cache = (2, batch, shape.heads, length, shape.width // shape.heads)
        self.caches = [torch.zeros(cache) for _ in model.blocks]

    @torch.inference_mode()
    def step(self, tokens):
        """The logits [B, V] after one token [B] of every stream."""
        position, self.tokens_seen = self.tokens_seen, self.tokens_seen + 1
        x = (self.model.embedding(tokens) + self.model.positions.weight[position])[:, None]
        for block, (keys, values) in zip(self.model.blocks, self.caches):
            q, keys[:, :, position : position + 1], values[:, :, position : position + 1] = block.project(x)
            filled = slice(0, position + 1)
            x = block.finish(x, F.scaled_dot_product_attention(q, keys[:, :, filled], values[:, :, filled]))
        return self.model.head(self.model.norm(x[:, 0]))
