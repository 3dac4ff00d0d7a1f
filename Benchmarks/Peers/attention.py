"""Causal attention as a memory: PyTorch's fused kernel, and decoding with a key/value cache."""

import torch
import torch.nn.functional as F
from torch import nn

from network import Memory


class Attention(Memory):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def project(self, y):
        """[B, L, E] -> queries, keys and values [B, H, L, D]."""
        return (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in self.qkv(y).chunk(3, dim=-1))

    def forward(self, y):
        attended = F.scaled_dot_product_attention(*self.project(y), is_causal=True)
        return self.out_proj(attended.transpose(1, 2).reshape(y.shape))

    def streams(self, batch, length):
        return Streams(self, batch, length)


class Streams:
    """The cache is preallocated; attention reads its filled part."""

    def __init__(self, memory, batch, length):
        self.memory, self.position = memory, 0
        width = memory.qkv.in_features
        self.keys, self.values = torch.zeros(2, batch, memory.heads, length, width // memory.heads)

    def step(self, y):
        q, k, v = self.memory.project(y[:, None])
        self.keys[:, :, self.position], self.values[:, :, self.position] = k[:, :, 0], v[:, :, 0]
        self.position += 1
        filled = slice(0, self.position)
        attended = F.scaled_dot_product_attention(q, self.keys[:, :, filled], self.values[:, :, filled])
        return self.memory.out_proj(attended.reshape(y.shape))
