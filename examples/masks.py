"""Masked choices: the best two of sets of different sizes, and the best of the actions that are
allowed.

python examples/masks.py
"""

import torch
from torch import nn

from reinrelax.estimators import rloo
from reinrelax.layers import SubsetLayer


def main(steps: int = 300) -> float:
    """The share of best choices at the end, of subsets and of actions."""
    torch.manual_seed(0)
    scorer, policy, subset = nn.Linear(3, 1), nn.Linear(3, 1), SubsetLayer(2, tau=0.5)
    optimizer = torch.optim.Adam([*scorer.parameters(), *policy.parameters()], 0.03)
    weights = torch.tensor([1.0, -2.0, 0.5])
    right = torch.zeros(2)
    for _ in range(steps):
        items = torch.randn(64, 6, 3)
        allowed = torch.arange(6) < torch.randint(2, 7, (64, 1))  # two of each set at least
        worth = (items @ weights).masked_fill(~allowed, 0.0)
        logits = scorer(items)[..., 0].masked_fill(~allowed, -torch.inf)
        chosen = subset(logits)  # in [0, 1], and zero where it is masked
        options = policy(items)[..., 0].masked_fill(~allowed, -torch.inf)
        estimate = rloo(options, lambda one_hot, worth=worth: -(one_hot * worth).sum(-1), samples=4)
        loss = -(chosen * worth).sum(-1).mean() + estimate.surrogate.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert (chosen[~allowed] == 0).all()
        best = worth.masked_fill(~allowed, -torch.inf)
        right[0] = (subset.eval()(logits) == subset(best)).all(-1).float().mean()
        right[1] = (options.argmax(-1) == best.argmax(-1)).float().mean()
        subset.train()
    return right.mean().item()


if __name__ == "__main__":
    print(f"{main():.0%} of choices are the best")
