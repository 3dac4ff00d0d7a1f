"""The logarithmic memory in PyTorch: three parallel formulations and a sequential one of the same function.

    slots   as published, rewritten: materializes the slots of every position, [B, L, 1 + K log2 L, E], and projects
            each copy
    nodes   projects every node once, gathers queries and values for every position, fused attention
    blocks  projects every node once, multiplies a node of level i with the block of 2^i positions that see it; only the
            scores have an entry for every slot of every position

    B batch, L length, E width, K banks, H heads, D = E / H, S slots of a position: itself, then by level and bank
    the newest completed node.
"""

import functools

import torch
import torch.nn.functional as F
from torch import nn

from network import Memory


@functools.lru_cache(maxsize=1)
def visibility(length, banks):
    """Two arrays [L, S]: whether a position has a slot, and the slot's row of (tokens, level 1, level 2, ...)."""
    seen, row = torch.arange(1, length + 1), length
    present, index = [seen > 0], [seen - 1]
    for level in range(1, length.bit_length()):
        for _ in range(banks):
            newest = (seen >> level) - 1
            present.append(newest >= 0)
            index.append(row + newest.clamp(min=0))
            row += length >> level
    return torch.stack(present, dim=1), torch.stack(index, dim=1)


class LogarithmicMemory(Memory):
    def __init__(self, shape, formulation):
        super().__init__()
        self.width, self.heads, self.banks = shape.width, shape.heads, shape.banks
        attend = {"slots": self.attend_slots, "nodes": self.attend_nodes, "blocks": self.attend_blocks}
        self.attend = attend[formulation]
        self.merge = nn.Parameter(torch.randn(self.banks, 2 * self.width, self.width) / (2 * self.width) ** 0.5)
        self.merge_bias = nn.Parameter(torch.zeros(self.banks, 1, self.width))
        self.qkv = nn.Linear(self.width, 3 * self.width)
        self.out_proj = nn.Linear(self.width, self.width)

    def forward(self, y):
        return self.out_proj(self.attend(y))

    def streams(self, batch, length):
        return Streams(self, batch, length)

    def levels(self, y):
        """The tree above level 0: a list of [B, K, n, E]."""
        nodes, levels = y[:, None].expand(-1, self.banks, -1, -1), []
        while nodes.shape[2] >= 2:
            pairs = nodes.shape[2] // 2
            pairs = nodes[:, :, : 2 * pairs].reshape(len(y), self.banks, pairs, 2 * self.width)
            nodes = pairs @ self.merge + self.merge_bias
            levels.append(nodes)
        return levels

    def split(self, x):
        """[..., E] -> [..., H, D]"""
        return x.unflatten(-1, (self.heads, -1))

    def project_once(self, y):
        """q, k, v: q and v [B, N, E] of (tokens, level 1, ...), each level by bank; k [B, L, E] of the tokens."""
        nodes = torch.cat([y] + [nodes.flatten(1, 2) for nodes in self.levels(y)], dim=1)
        weights, biases = self.qkv.weight.chunk(3), self.qkv.bias.chunk(3)
        return (F.linear(x, weight, bias) for x, weight, bias in zip((nodes, y, nodes), weights, biases))

    def attend_slots(self, y):
        present, _ = visibility(y.shape[1], self.banks)
        slots = [y[:, :, None]]
        for i, nodes in enumerate(self.levels(y), start=1):  # node j is seen from (j + 1) 2^i - 1 on, 2^i times
            seen = F.pad(nodes.repeat_interleave(2**i, dim=2), (0, 0, 2**i - 1, 0))[:, :, : y.shape[1]]
            slots.append(seen.transpose(1, 2))
        q, k, v = (self.split(x) for x in self.qkv(torch.cat(slots, dim=2)).chunk(3, dim=-1))
        k = k[:, :, 0]  # only a position's own key is used
        scores = torch.einsum("blshd,blhd->blhs", q, k) / k.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None], -torch.inf).softmax(dim=-1)
        return torch.einsum("blhs,blshd->blhd", weights, v).flatten(-2)

    def attend_nodes(self, y):
        present, index = visibility(y.shape[1], self.banks)
        q, k, v = self.project_once(y)

        def gather(x):
            """[B, N, E] -> [B L, H, S, D]"""
            slots = x.index_select(1, index.flatten()).view(-1, index.shape[1], self.width)
            return self.split(slots).transpose(1, 2)

        mask = torch.zeros(present.shape).masked_fill(~present, -torch.inf).repeat(len(y), 1)[:, None, None]
        # Queries of the model are keys of the fused kernel, and the other way round.
        k = self.split(k.flatten(0, 1))[:, :, None]
        return F.scaled_dot_product_attention(k, gather(q), gather(v), attn_mask=mask).reshape(y.shape)

    def attend_blocks(self, y):
        length = y.shape[1]
        present, _ = visibility(length, self.banks)
        q, k, v = self.project_once(y)
        k, counts = self.split(k), [length >> i for i in range(1, length.bit_length())]
        q, v = (self.split(x).split([length] + [self.banks * n for n in counts], dim=1) for x in (q, v))

        def by_node(x, level, count):
            """[B, L, H, Z] -> [B, H, n, 2^i, Z]: per node, the positions that see it; zeros beyond the end."""
            size = 2**level
            x = F.pad(x, (0, 0, 0, 0, 0, size - 1))[:, size - 1 :][:, : count * size]
            return x.unflatten(1, (count, size)).permute(0, 3, 1, 2, 4)

        def by_position(x, level):
            """Inverse of by_node; zeros at positions that see no node of the level."""
            x = x.permute(0, 2, 3, 1, 4).flatten(1, 2)
            return F.pad(x, (0, 0, 0, 0, 2**level - 1, 0))[:, :length]

        def of_level(x, count):
            """[B, K n, H, D] -> [B, H, n, K, D]"""
            return x.unflatten(1, (self.banks, count)).permute(0, 3, 2, 1, 4)

        scores = [(q[0] * k).sum(dim=-1, keepdim=True)]
        for level, count in enumerate(counts, start=1):
            products = by_node(k, level, count) @ of_level(q[level], count).transpose(-1, -2)
            scores.append(by_position(products, level))
        scores = torch.cat(scores, dim=-1) / k.shape[-1] ** 0.5
        weights = scores.masked_fill(~present[:, None], -torch.inf).softmax(dim=-1)
        weights = weights.split([1] + [self.banks] * len(counts), dim=-1)
        output = weights[0] * v[0]
        for level, count in enumerate(counts, start=1):
            products = by_node(weights[level], level, count) @ of_level(v[level], count)
            output = output + by_position(products, level)
        return output.flatten(-2)


class Streams:
    """The sequential form. A node is computed and projected once, when it is completed.

    All preallocated: queries, keys and values of the slots, and for every level the newest node, kept until its right
    sibling is complete. A token completes nodes of levels 1, 2, ... without a gap, and sees levels without a gap: both
    are the first rows of the slots, so gathers and masks are not needed.
    """

    def __init__(self, memory, batch, length):
        self.memory, self.tokens_seen = memory, 0
        levels = length.bit_length()
        self.slots = torch.zeros(1 + memory.banks * levels, batch, 3 * memory.width)
        self.newest = torch.zeros(levels, memory.banks, batch, memory.width)

    def step(self, y):
        self.tokens_seen += 1
        n, memory, slots, banks = self.tokens_seen, self.memory, self.slots, self.memory.banks
        finished = (n & -n).bit_length() - 1
        visible = 1 + banks * (n.bit_length() - 1)
        rows, node = [y[None]], y.expand(banks, -1, -1)
        for waiting in self.newest[:finished]:  # levels 0, 1, ...
            parent = torch.baddbmm(memory.merge_bias, torch.cat([waiting, node], dim=-1), memory.merge)
            waiting.copy_(node)
            rows.append(parent)
            node = parent
        self.newest[finished].copy_(node)
        slots[: 1 + banks * finished] = memory.qkv(torch.cat(rows))
        q, k, v = (memory.split(z).permute(1, 2, 0, 3) for z in slots[:visible].chunk(3, dim=-1))
        output = F.scaled_dot_product_attention(k[:, :, :1], q, v)
        return memory.out_proj(output.reshape(y.shape))
