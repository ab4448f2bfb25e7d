"""Which of 20 inputs matter: a network with Hard Concrete gates, and what is left of it when they
are closed.

python examples/l0_gates.py
"""

import torch
from torch import nn

from reinrelax.layers import L0Linear, l0_penalty


def main(steps: int = 1500) -> float:
    """The error of the pruned network."""
    torch.manual_seed(0)
    network = nn.Sequential(L0Linear(20, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)

    def target(x: torch.Tensor) -> torch.Tensor:
        return torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]

    for _ in range(steps):
        x = torch.randn(128, 20)
        loss = (network(x) - target(x)).square().mean() + 2e-4 * l0_penalty(network)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    print(f"inputs that are left: {network[0].kept().tolist()}")
    pruned = nn.Sequential(network[0].pruned(), *network[1:])
    x = torch.randn(2000, 20)
    with torch.no_grad():
        assert torch.allclose(pruned(x), network(x), atol=1e-5)
        return (pruned(x) - target(x)).square().mean().item()


if __name__ == "__main__":
    print(f"mean squared error {main():.4f}")
