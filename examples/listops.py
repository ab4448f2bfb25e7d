"""A small ListOps: a tree of MAX and MIN over digits, whose parse is a latent choice of what to
join next.

At each step two neighbours are joined, which two by a categorical sample; only the root's value is
taught.

python examples/listops.py
"""

import torch
from torch import Tensor, nn

from reinrelax import gumbel_softmax

DIGITS, WIDTH = 5, 64
MAX, MIN = DIGITS, DIGITS + 1


def expressions(count: int) -> tuple[Tensor, Tensor]:
    """Tokens of (a op b) op c or a op (b op c), operators before their operands, and values."""
    numbers = torch.randint(DIGITS, (count, 3))
    outer, inner = torch.randint(MAX, MIN + 1, (2, count, 1))
    left = torch.cat((outer, inner, numbers), 1)
    right = torch.cat((outer, numbers[:, :1], inner, numbers[:, 1:]), 1)
    is_left = torch.rand(count, 1) < 0.5

    def apply(op: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return torch.where(op[:, 0] == MAX, torch.maximum(x, y), torch.minimum(x, y))

    a, b, c = numbers.unbind(1)
    values = torch.where(
        is_left[:, 0], apply(outer, apply(inner, a, b), c), apply(outer, a, apply(inner, b, c))
    )
    return torch.where(is_left, left, right), values


class Parser(nn.Module):
    """Joins neighbours until one is left."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(DIGITS + 2, WIDTH)
        self.join = nn.Sequential(
            nn.Linear(2 * WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH)
        )
        self.score, self.read = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, DIGITS)

    def forward(self, tokens: Tensor, method: str) -> Tensor:
        nodes = self.tokens(tokens)  # [B, N, WIDTH]
        while nodes.shape[1] > 1:
            left, right = nodes[:, :-1], nodes[:, 1:]
            joined = torch.tanh(self.join(torch.cat((left, right), -1)) + (left + right) / 2)
            pick = torch.ones_like(joined[..., :1])
            if joined.shape[1] > 1:
                pick = gumbel_softmax(self.score(joined), 1.0, hard=True, dim=1, method=method)
            # One-hot at the pair that is joined; nodes before it stay, those behind it move up.
            before = 1 - pick.cumsum(1)
            after = 1 - pick - before
            nodes = before * left + pick * joined + after * right
        return self.read(nodes[:, 0])


def main(steps: int = 1500, method: str = "reinmax") -> float:
    """The share of right values at the end."""
    torch.manual_seed(0)
    model = Parser()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(steps):
        tokens, values = expressions(64)
        loss = nn.functional.cross_entropy(model(tokens, method), values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tokens, values = expressions(2000)
    with torch.no_grad():
        return (model(tokens, method).argmax(-1) == values).float().mean().item()


if __name__ == "__main__":
    print(f"{main():.0%} of values are right")
