"""A VAE whose code is 6 variables of 4 categories, trained by ReinMax on images of bars.

python examples/vae.py
"""

import torch
from torch import Tensor, nn
from torch.distributions import OneHotCategorical, kl_divergence

from reinrelax import gumbel_softmax

LATENTS, CATEGORIES, SIDE = 6, 4, 6


def bars(count: int) -> Tensor:
    """Images `[count, 36]` of rows and columns that are on with probability 0.3 each."""
    rows, columns = torch.rand(2, count, SIDE) < 0.3
    return (rows[:, :, None] | columns[:, None, :]).flatten(1).float()


class VAE(nn.Module):
    """Encoder, decoder and the negative ELBO of a batch."""

    def __init__(self) -> None:
        super().__init__()
        code, pixels = LATENTS * CATEGORIES, SIDE**2
        self.encoder = nn.Sequential(nn.Linear(pixels, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, pixels))

    def forward(self, x: Tensor, method: str) -> Tensor:
        logits = self.encoder(x).view(-1, LATENTS, CATEGORIES)
        z = gumbel_softmax(logits, 1.0, hard=True, method=method)
        prior = OneHotCategorical(logits=torch.zeros(CATEGORIES))
        kl = kl_divergence(OneHotCategorical(logits=logits), prior).sum(-1)
        pixels = self.decoder(z.flatten(1))
        return (
            nn.functional.binary_cross_entropy_with_logits(pixels, x, reduction="none").sum(-1) + kl
        )


def main(steps: int = 2000, method: str = "reinmax") -> float:
    """Nats per image at the end."""
    torch.manual_seed(0)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(steps):
        loss = model(bars(100), method).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return model(bars(2000), method).mean().item()


if __name__ == "__main__":
    print(f"{main():.2f} nats per image")
