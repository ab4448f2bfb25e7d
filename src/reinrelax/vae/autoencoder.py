"""Variational autoencoders with a leading replica axis, and the two terms of the negative ELBO."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from reinrelax.config.run import HIDDEN, PIXELS
from reinrelax.core.numerics import kl_to_uniform
from reinrelax.core.types import LatentShape
from reinrelax.vae.layers import Stack
from reinrelax.vae.likelihood import bernoulli_nll


class Autoencoder:
    """R replicas of an encoder and a decoder with ReLU, and the likelihood of the pixels.

    Args:
        hidden: units of the encoder's hidden layers; the decoder's are the same in reverse.
        outputs: units of the encoder's last layer.
        inputs: units that the decoder takes.
        seeds: one a replica, for the initial parameters.
        device: where it lives.
        products: what the layers multiply; see `layers.Linear`.
        pixels: of an image, D.
    """

    def __init__(
        self,
        hidden: Sequence[int],
        outputs: int,
        inputs: int,
        seeds: Sequence[int],
        device: torch.device | str = "cpu",
        products: torch.dtype = torch.float32,
        pixels: int = PIXELS,
    ) -> None:
        widths = ((pixels, *hidden, outputs), (inputs, *reversed(hidden), pixels))
        self.seeds = tuple(seeds)
        self.stack = Stack(widths, seeds, torch.device(device), products)
        self._encoder, self._decoder = (self.stack.layers[part] for part in self.stack.parts)

    def encode(self, images: Tensor) -> Tensor:
        """What the encoder makes of images `[R, B, D]` in [0, 1]: `[R, B, outputs]`."""
        hidden = images
        for layer in self._encoder[:-1]:
            hidden = layer(hidden, relu=True)
        return self._encoder[-1](hidden)

    def decode(self, codes: Tensor) -> Tensor:
        """Bernoulli logits `[R, B, D]` of the pixels, from codes `[R, B, inputs]`."""
        hidden = codes
        for layer in self._decoder[:-1]:
            hidden = layer(hidden, relu=True)
        return self._decoder[-1](hidden)

    def reconstruction(self, images: Tensor, codes: Tensor) -> Tensor:
        """−log p(x | z) summed over pixels, nats per image `[R, B]`; grey pixels as they are."""
        return bernoulli_nll(self.decode(codes), images)

    def reconstruction_of_codes(self, images: Tensor, codes: Tensor) -> Tensor:
        """The same as a function of the codes alone: no gradient for the parameters, and any derivatives."""
        hidden = codes
        for layer in self._decoder[:-1]:
            hidden = layer.constant(hidden).relu()
        logits = self._decoder[-1].constant(hidden)
        loss = binary_cross_entropy_with_logits(logits, images.expand_as(logits), reduction="none")
        return loss.sum(-1)


class DiscreteVAE(Autoencoder):
    """R replicas of an encoder of D pixels to L·C logits and a decoder back, with ReLU (B, section 4.2).

    Args:
        shape: the latent space.
        seeds: one a replica, for the initial parameters.
        device: where it lives.
        products: what the layers multiply; see `layers.Linear`.
        hidden: units of the encoder's hidden layers; the decoder's are the same in reverse.
        pixels: of an image, D.
    """

    def __init__(
        self,
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str = "cpu",
        products: torch.dtype = torch.float32,
        hidden: Sequence[int] = HIDDEN,
        pixels: int = PIXELS,
    ) -> None:
        self.shape = shape
        code = shape.categories * shape.latents
        super().__init__(hidden, code, code, seeds, device, products, pixels)

    def encode(self, images: Tensor) -> Tensor:
        """Logits `[R, B, L, C]` of the posterior over codes, from images `[R, B, D]` in [0, 1]."""
        logits: Tensor = super().encode(images).unflatten(-1, (self.shape.latents, self.shape.categories))
        return logits

    def decode(self, codes: Tensor) -> Tensor:
        """Bernoulli logits `[R, B, D]` of the pixels, from one-hot codes `[R, B, L, C]`."""
        return super().decode(codes.flatten(-2))

    def reconstruction_of_codes(self, images: Tensor, codes: Tensor) -> Tensor:
        return super().reconstruction_of_codes(images, codes.flatten(-2))

    def hidden_along(self, replica: int, codes: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's last hidden layer and its directional derivative, one replica, without a graph.

        Args:
            replica: which of the R.
            codes: any points, `[..., L, C]`.
            directions: `[..., L, C]`; leading axes broadcast.

        Returns:
            Both `[..., H]`. The output layer is linear, so its product with each is the rest of the way.
        """
        hidden, along = codes.flatten(-2), directions.flatten(-2)
        for layer in self._decoder[:-1]:
            hidden = (hidden @ layer.weight[replica]).add_(layer.bias[replica]).relu_()
            along = (along @ layer.weight[replica]) * (hidden > 0)
        return hidden, along


def negative_elbo(logits: Tensor, reconstruction: Tensor) -> Tensor:
    """Negative ELBO (B, Eq. 21) averaged over the batch, nats per image: `[R, B]` to `[R]`."""
    return torch.mean(reconstruction + kl_to_uniform(logits), -1)
