"""Variational autoencoders with a leading replica axis, and the negative ELBO."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from reinrelax.config.run import HIDDEN, PIXELS
from reinrelax.core.types import LatentShape
from reinrelax.vae.layers import Stack
from reinrelax.vae.likelihood import bernoulli_nll


class Autoencoder:
    """R replicas of a ReLU encoder and a ReLU decoder, with the likelihood of the pixels.

    Args:
        hidden: widths of the encoder's hidden layers; the decoder has the same in reverse.
        outputs: width of the encoder's output.
        inputs: width of the decoder's input.
        seeds: the seeds of the initial parameters, one per replica.
        device: the device of the parameters.
        products: the dtype of matrix products; see `layers.Linear`.
        pixels: the number of pixels of an image, D.
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
        """Encode images `[R, B, D]` in [0, 1] to `[R, B, outputs]`."""
        hidden = images
        for layer in self._encoder[:-1]:
            hidden = layer(hidden, relu=True)
        return self._encoder[-1](hidden)

    def decode(self, codes: Tensor) -> Tensor:
        """Decode codes `[R, B, inputs]` to Bernoulli logits `[R, B, D]` of the pixels."""
        hidden = codes
        for layer in self._decoder[:-1]:
            hidden = layer(hidden, relu=True)
        return self._decoder[-1](hidden)

    def reconstruction(self, images: Tensor, codes: Tensor) -> Tensor:
        """Return −log p(x | z) summed over pixels that may be grey, nats per image `[R, B]`."""
        return bernoulli_nll(self.decode(codes), images)

    def reconstruction_of_codes(self, images: Tensor, codes: Tensor) -> Tensor:
        """Return the same, with gradients of any order in the codes but none for the parameters."""
        hidden = codes
        for layer in self._decoder[:-1]:
            hidden = layer.constant(hidden).relu()
        logits = self._decoder[-1].constant(hidden)
        loss = binary_cross_entropy_with_logits(logits, images.expand_as(logits), reduction="none")
        return loss.sum(-1)


class DiscreteVAE(Autoencoder):
    """R replicas of an encoder, D pixels to L·C logits, and a decoder (paper B, section 4.2).

    Args:
        shape: the latent space.
        seeds: the seeds of the initial parameters, one per replica.
        device: the device of the parameters.
        products: the dtype of matrix products; see `layers.Linear`.
        hidden: widths of the encoder's hidden layers; the decoder has the same in reverse.
        pixels: the number of pixels of an image, D.
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
        """Encode images `[R, B, D]` in [0, 1] to posterior logits `[R, B, L, C]`."""
        logits: Tensor = (
            super().encode(images).unflatten(-1, (self.shape.latents, self.shape.categories))
        )
        return logits

    def decode(self, codes: Tensor) -> Tensor:
        """Decode one-hot codes `[R, B, L, C]` to Bernoulli logits `[R, B, D]` of the pixels."""
        return super().decode(codes.flatten(-2))

    def reconstruction_of_codes(self, images: Tensor, codes: Tensor) -> Tensor:
        return super().reconstruction_of_codes(images, codes.flatten(-2))

    def hidden_along(
        self, replica: int, codes: Tensor, directions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the decoder's last hidden layer and its directional derivative, without a graph.

        Args:
            replica: the index of the replica.
            codes: any points `[..., L, C]`.
            directions: `[..., L, C]`; leading axes broadcast.

        Returns:
            Both `[..., H]`. The output layer, which is linear, is applied to neither.
        """
        hidden, along = codes.flatten(-2), directions.flatten(-2)
        for layer in self._decoder[:-1]:
            hidden = (hidden @ layer.weight[replica]).add_(layer.bias[replica]).relu_()
            along = (along @ layer.weight[replica]) * (hidden > 0)
        return hidden, along
