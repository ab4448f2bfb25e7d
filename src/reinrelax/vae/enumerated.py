"""The reconstruction loss of a trained VAE at all C^L codes, for fixed images.

With Bernoulli logits ℓ(z), f(x, z) = Σ_d softplus(ℓ_d) − x_d ℓ_d. The decoder does not depend on
the image, so one pass over the codes serves all images. Derivatives are computed by forward
differentiation, without a graph.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import softplus

from reinrelax.errors import InputError
from reinrelax.estimators import exact
from reinrelax.vae.autoencoder import DiscreteVAE


class EnumeratedLoss:
    """The loss f(x_b, z_n) in nats, for B images and all N = C^L codes of one replica.

    Args:
        model: the VAE; its parameters must not change while this object is in use.
        replica: the index of the replica.
        images: x, `[B, 784]` in [0, 1].
        chunk: the number of rows, one per code and direction, computed at once; it bounds memory.

    Attributes:
        codes: all one-hot codes `[N, L, C]`, in lexicographic order.
    """

    def __init__(
        self, model: DiscreteVAE, replica: int, images: Tensor, *, chunk: int = 2048
    ) -> None:
        output = model.stack.layers[-1]
        self._model, self._replica, self._chunk = model, replica, chunk
        self._weight, self._bias = output.weight[replica], output.bias[replica]
        if images.ndim != 2 or images.shape[1] != self._weight.shape[1]:
            raise InputError(
                f"images must be [B, {self._weight.shape[1]}]; got {list(images.shape)}"
            )
        self._images = images.to(self._weight)
        self.codes = exact.codes(model.shape.latents, model.shape.categories, like=self._weight)

    @cached_property
    def value(self) -> Tensor:
        """The loss f at every code, nats, `[B, N]`."""
        out = self._images.new_empty(len(self._images), len(self.codes))
        for start, codes in self._blocks(self._chunk):
            logits = self._logits(self._model.hidden_along(self._replica, codes, codes)[0])
            constant = softplus(logits).sum(-1)
            out[:, start : start + len(codes)] = constant - self._images @ logits.T
        return out

    @cached_property
    def slope(self) -> Tensor:
        """The derivative ∂f/∂D at every code D, `[B, N, L, C]`."""
        images, (_, *axes) = len(self._images), self.codes.shape
        every = torch.eye(axes[0] * axes[1], dtype=self.codes.dtype, device=self.codes.device)
        every = every.unflatten(-1, axes)
        out = self._images.new_empty(images, *self.codes.shape)
        # The output layer is linear. Applying its transpose to images and means takes one product
        # for all images; applying it to every direction would be far more expensive.
        pulled_images = self._images @ self._weight.T
        for start, codes in self._blocks(max(1, self._chunk // len(every))):
            hidden, along = self._model.hidden_along(self._replica, codes[:, None], every)
            pulled_means = self._logits(hidden).sigmoid() @ self._weight.T  # [n, 1, H]
            block = (along @ pulled_means.mT) - along @ pulled_images.T  # [n, L·C, B]
            out[:, start : start + len(codes)] = block.movedim(-1, 0).unflatten(-1, axes)
        return out

    def index(self, one_hot: Tensor) -> Tensor:
        """Return the indices `[...]` int64 of one-hot codes `[..., L, C]` in `codes`."""
        latents, categories = self.codes.shape[1:]
        place = categories ** torch.arange(
            latents - 1, -1, -1, dtype=torch.int64, device=one_hot.device
        )
        return (one_hot.argmax(-1) * place).sum(-1)

    def along(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first and second derivative of f at points, each along its own direction.

        Args:
            points: z, `[M, L, C]`; need not be codes.
            directions: v, `[M, L, C]`.

        Returns:
            d f(z + t v)/dt at t = 0, `[B, M]`, and d² f/dt², `[M]`, which in a linear region of the
            decoder is Σ_d σ′(ℓ_d) (dℓ_d/dt)², the same for every image.
        """
        first = self._images.new_empty(len(self._images), len(points))
        second = self._images.new_empty(len(points))
        for start in range(0, len(points), self._chunk):
            part = slice(start, start + self._chunk)
            hidden, along = self._model.hidden_along(self._replica, points[part], directions[part])
            means, along = self._logits(hidden).sigmoid_(), along @ self._weight
            first[:, part] = (means * along).sum(-1) - self._images @ along.T
            second[part] = (means * (1 - means) * along.square()).sum(-1)
        return first, second

    def _logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self._weight + self._bias

    def _blocks(self, size: int) -> Iterator[tuple[int, Tensor]]:
        return (
            (start, self.codes[start : start + size]) for start in range(0, len(self.codes), size)
        )
