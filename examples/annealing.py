"""A temperature that falls while a network learns to pick the largest of five numbers by a relaxed
sample.

python examples/annealing.py
"""

import torch
from torch import nn

from reinrelax.layers import CategoricalLayer, Temperature


def main(steps: int = 400) -> float:
    """The share of right picks at the end."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 5), CategoricalLayer("STGS", tau=2.0)
    )
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    schedule = Temperature(network, start=2.0, end=0.3, steps=steps, shape="cosine")
    for _ in range(steps):
        x = torch.rand(128, 5)
        loss = -(network(x) * x).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    x = torch.rand(2000, 5)
    network.eval()
    return (network(x).argmax(-1) == x.argmax(-1)).float().mean().item()


if __name__ == "__main__":
    print(f"{main():.0%} of picks are right")
