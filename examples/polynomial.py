"""Polynomial programming: min over probabilities of E mean |x − 0.45|^p for bits x (Liu et al.,
2023).

The best is 0.45^p, at x = 0 throughout. First-order estimators stay far from it; ReinMax does not.

python examples/polynomial.py
"""

import torch

from reinrelax import gumbel_softmax

BITS, POWER = 64, 1.5


def main(steps: int = 1500, method: str = "reinmax") -> float:
    """The expected loss at the end, exactly."""
    torch.manual_seed(0)
    logits = torch.zeros(BITS, 2, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.01)
    for _ in range(steps):
        x = gumbel_softmax(logits.expand(64, BITS, 2), 1.0, hard=True, method=method)[..., 1]
        loss = (x - 0.45).abs().pow(POWER).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ones = logits.softmax(-1)[:, 1]
    return (ones * 0.55**POWER + (1 - ones) * 0.45**POWER).mean().item()


if __name__ == "__main__":
    print(f"the least is {0.45**POWER:.4f}")
    for name in ("straight_through", "STGS", "reinmax"):
        print(f"{name}: {main(method=name):.4f}")
