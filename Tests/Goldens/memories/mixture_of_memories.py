"""The mixture of memories by definition: linear memories, of which a router chooses some for every token.

B batch, L length, E width, M memories with a router. A shared memory, which receives every token, is not one of them.
"""

import torch

from memories import linear

REQUIRED = (*linear.REQUIRED, "memories", "topK")
OPTIONS = linear.OPTIONS | {"shared": True, "sharedProjections": False}


def output(settings, weights, prefix, y):
    """[B, L, E] -> [B, L, E], and the router logits [B, L, M]."""
    logits = y @ weights[prefix + "router.weight"].T
    probabilities = logits.softmax(dim=-1)
    count = settings["memories"]
    rows = []
    for row, row_logits, row_probabilities in zip(y, logits, probabilities):
        memories = [
            linear.OneMemory(settings, weights, prefix, 0 if settings["sharedProjections"] else number)
            for number in range(count + settings["shared"])
        ]
        rows.append([])
        for token, z, p in zip(row, row_logits, row_probabilities):
            numbers = ranking(z)[: settings["topK"]]
            total = sum(p[number] for number in numbers)
            mixed = sum(p[number] / total * memories[number].step(token) for number in numbers)
            if settings["shared"]:
                mixed = mixed + memories[count].step(token)
            rows[-1].append(linear.finished(settings, weights, prefix, token, mixed))
    return torch.stack([torch.stack(row) for row in rows]), logits


def ranking(logits):
    """Numbers of the memories from the largest logit to the smallest, among equals the lower first."""
    values = logits.tolist()
    return sorted(range(len(values)), key=lambda number: (-values[number], number))


def balance_loss(settings, logits):
    """Balance loss of a block from its router logits [B, L, M]; the shares of the tokens have no gradient."""
    rows = []
    for row in logits:
        chosen = [number for z in row for number in ranking(z)[: settings["topK"]]]
        shares = row.new_tensor([chosen.count(number) / len(row) for number in range(settings["memories"])])
        rows.append(settings["memories"] * (shares * row.softmax(dim=-1).mean(dim=0)).sum())
    return torch.stack(rows).mean()


def router_margin(settings, logits):
    """Smallest difference between the logits of the last chosen and the first rejected memory of a token."""
    if settings["topK"] == settings["memories"]:
        return float("inf")
    ordered = logits.sort(dim=-1, descending=True).values
    return (ordered[..., settings["topK"] - 1] - ordered[..., settings["topK"]]).min().item()


def draw(settings, drawing, prefix, width):
    drawing.matrix(prefix + "router.weight", settings["memories"], width, fan_in=width)
    sets = 1 if settings["sharedProjections"] else settings["memories"] + settings["shared"]
    linear.draw(settings, drawing, prefix, width, sets)
