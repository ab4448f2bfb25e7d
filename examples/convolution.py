"""A convolutional encoder whose categories are its channels: codes `[B, C, H, W]` without a
permutation.

python examples/convolution.py
"""

import torch
from torch import Tensor, nn

from reinrelax.layers import CategoricalLayer


def blobs(count: int) -> Tensor:
    """Images `[count, 1, 8, 8]` of one blob each."""
    at = torch.rand(2, count, 1, 1) * 8
    grid = torch.arange(8.0) + 0.5
    apart = (grid[:, None] - at[0]) ** 2 + (grid[None, :] - at[1]) ** 2
    return torch.exp(-apart / 3)[:, None]


def main(steps: int = 600) -> float:
    """The error of reconstructions from the likeliest codes."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 16, 4, stride=2, padding=1),
        CategoricalLayer("reinmax", tau=1.0, dim=1),  # 2 × 2 codes of 16 categories
        nn.ConvTranspose2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
    )
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(steps):
        x = blobs(64)
        loss = (model(x) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = blobs(500)
    with torch.no_grad():
        return (model.eval()(x) - x).square().mean().item()


if __name__ == "__main__":
    print(f"mean squared error {main():.4f}")
