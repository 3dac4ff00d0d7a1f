"""Language networks of blocks around memories, in parallel form, and their decoder."""

import torch
import torch.nn.functional as F
from torch import nn

RMS_EPSILON = torch.finfo(torch.float32).eps  # in any type
BALANCE_SCALE = 0.01


class LanguageModel(nn.Module):
    def loss(self, tokens, targets):
        return F.cross_entropy(self(tokens).flatten(0, 1), targets.flatten())


class Memory(nn.Module):
    """Maps [B, L, E] to the same; `streams` makes its sequential form: an object with `step`, [B, E] to the same."""

    balance = 0  # balance loss of the last call; 0 without a router

    def streams(self, batch, length):
        raise NotImplementedError


class Block(nn.Module):
    def __init__(self, width, memory):
        super().__init__()
        self.norm1 = nn.RMSNorm(width, RMS_EPSILON)
        self.memory = memory
        self.norm2 = nn.RMSNorm(width, RMS_EPSILON)
        self.feedforward = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.finish(x, self.memory(self.norm1(x)))

    def finish(self, x, remembered):
        """The rest of the block after the memory."""
        x = x + remembered
        return x + self.feedforward(self.norm2(x))


class Network(LanguageModel):
    def __init__(self, shape, memories):
        """`memories`: one per block."""
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape.width, memory) for memory in memories)
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def loss(self, tokens, targets):
        cross_entropy = super().loss(tokens, targets)
        balance = sum(block.memory.balance for block in self.blocks) / len(self.blocks)
        return cross_entropy + BALANCE_SCALE * balance


class Decoder:
    """Decode steps of streams at one position."""

    @torch.no_grad()
    def __init__(self, network, batch, length):
        self.network = network
        self.streams = [block.memory.streams(batch, length) for block in network.blocks]

    @torch.inference_mode()
    def step(self, tokens):
        """The logits [B, V] after one token [B] of every stream."""
        x = self.network.embedding(tokens)
        for block, streams in zip(self.network.blocks, self.streams):
            x = block.finish(x, streams.step(block.norm1(x)))
        return self.network.head(self.network.norm(x))
