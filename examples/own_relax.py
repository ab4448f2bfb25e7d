"""RELAX in a loop of one's own: a loss that no gradient passes through, and a learned control
variate.

The loss is (b − 0.45)² of one bit, whose best probability is zero (Tucker et al., 2017).

python examples/own_relax.py
"""

import torch
from torch import Tensor, nn

from reinrelax.estimators import relax_with


@torch.no_grad()
def loss(one_hot: Tensor) -> Tensor:
    """Of codes `[B, 1, 2]`: `[B]`; it could be a simulator."""
    return (one_hot[:, 0, 1] - 0.45) ** 2


def main(steps: int = 500) -> float:
    """The probability of a one at the end."""
    torch.manual_seed(0)
    logits = torch.zeros(1, 1, 2, requires_grad=True)
    network = nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 1))
    # The keys z = log π + G come with a leading axis of replicas, `[1, B, 1, 2]`.
    relax = relax_with(lambda z: network(z.softmax(-1))[..., 0, 0], parameters=network.parameters())
    policy = torch.optim.Adam([logits], 0.02)
    variate = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(steps):
        estimate = relax(logits.expand(20, 1, 2), loss)
        policy.zero_grad()
        estimate.surrogate.mean().backward(retain_graph=True)
        variance = estimate.variance_loss
        assert variance is not None
        slopes = torch.autograd.grad(variance.mean(), list(network.parameters()))
        for parameter, slope in zip(network.parameters(), slopes, strict=True):
            parameter.grad = slope
        policy.step()
        variate.step()
    return logits.softmax(-1)[0, 0, 1].item()


if __name__ == "__main__":
    print(f"P(b = 1) = {main():.3f}")
