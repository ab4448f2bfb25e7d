"""The invertible Gaussian reparameterisation (Potapczynski et al., 2020)."""

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, kl_divergence
from torch.distributions.transforms import StickBreakingTransform, Transform

from reinrelax.core.numerics import log_softmax, softmax, widened
from reinrelax.distributions.base import Relaxation, choice, is_number, register_kl
from reinrelax.distributions.functions import one_hot_argmax
from reinrelax.errors import InputError


class SoftmaxPlusPlus(Transform):
    """Map of x `[..., K − 1]` to softmax(x, log δ) `[..., K]`: δ > 0 is the weight of the last
    category.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftmaxPlusPlus) and self.delta == other.delta

    def _call(self, x: Tensor) -> Tensor:
        last = torch.full_like(x[..., :1], self.delta).log()
        return softmax(torch.cat((x, last), -1))

    def _inverse(self, y: Tensor) -> Tensor:
        log_y = y.log()
        return log_y[..., :-1] - log_y[..., -1:] + torch.full_like(y[..., :1], self.delta).log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Log determinant log |∂(y_1 … y_{K−1})/∂x| = Σ_k log y_k, over all K."""
        last = torch.full_like(x[..., :1], self.delta).log()
        return log_softmax(torch.cat((x, last), -1)).sum(-1)

    def forward_shape(self, shape: Any) -> torch.Size:
        return torch.Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> torch.Size:
        return torch.Size((*shape[:-1], shape[-1] - 1))


class InvertibleGaussian(Relaxation):
    """Point z = g(y/τ) of the simplex, y = μ + σ ε, ε ~ N(0, I), with an invertible g (A, III.G).

    The density on the simplex is with respect to Lebesgue measure of the first K − 1 coordinates.

    Args:
        temperature: τ > 0, `[...]`.
        loc: μ, `[..., K − 1]`.
        scale: σ > 0, `[..., K − 1]`.
        map: "softmax++", softmax(y/τ, log δ), or "stick breaking", torch's
            `StickBreakingTransform`.
        delta: δ > 0 of softmax++.

    >>> z = InvertibleGaussian(0.5, torch.zeros(3), torch.ones(3)).rsample((2,))
    >>> z.shape, torch.allclose(z.sum(-1), torch.ones(2))
    (torch.Size([2, 4]), True)
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "scale": constraints.independent(constraints.positive, 1),
        "temperature": constraints.positive,
    }
    options = ("map", "delta")
    support = constraints.simplex
    noise_kind = "normal"
    loc: Tensor
    scale: Tensor
    temperature: Tensor

    def __init__(
        self,
        temperature: Tensor | float,
        loc: Tensor,
        scale: Tensor,
        map: str = "softmax++",
        delta: float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.map, self.delta = choice(self, "map", map, ("softmax++", "stick breaking")), delta
        if not is_number(delta) or not delta > 0:
            raise InputError(f"{self._name}: delta must be > 0, a number; got {delta!r}")
        loc, scale, temperature = self._enter(loc=loc, scale=scale, temperature=temperature)
        loc, scale = torch.broadcast_tensors(loc, scale)
        if loc.ndim == 0:
            raise InputError(f"{self._name}: loc needs rank >= 1; got a number")
        self.transform = SoftmaxPlusPlus(delta) if map == "softmax++" else StickBreakingTransform()
        super().__init__(
            (loc.shape[-1] + 1,),
            validate_args=validate_args,
            loc=loc,
            scale=scale,
            temperature=temperature,
        )

    def noise_shape(self, sample_shape: Any = ()) -> torch.Size:
        return torch.Size((*sample_shape, *self.loc.shape))

    def from_noise(self, noise: Tensor) -> Tensor:
        z: Tensor = self.transform((self.loc + self.scale * noise) / self.temperature[..., None])
        return z

    def harden(self, noise: Tensor) -> Tensor:
        """Make the one-hot of the largest coordinate, `[..., K]`."""
        return one_hot_argmax(self.from_noise(noise).detach())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density, `[...]`; an entry that was rounded to zero counts as the smallest normal
        number.
        """
        value = self._accepted(value)
        value = widened(value.clamp_min(torch.finfo(value.dtype).tiny))
        x = self.transform.inv(value)
        log_det = self.transform.log_abs_det_jacobian(x, value)
        tau = self.temperature
        of_y: Tensor = (
            Normal(self.loc, self.scale, validate_args=False).log_prob(tau[..., None] * x).sum(-1)
        )
        out: Tensor = of_y + x.shape[-1] * tau.log() - log_det
        return out

    def gaussian(self) -> Distribution:
        """Distribution of y, of event shape `[K − 1]`."""
        return Independent(
            Normal(self.loc, self.scale, validate_args=False), 1, validate_args=False
        )


@register_kl(InvertibleGaussian, InvertibleGaussian)
def _kl_invertible_gaussian(p: InvertibleGaussian, q: InvertibleGaussian) -> Tensor:
    """Exact for the same map: that of the Gaussians, which an invertible map leaves as it is.

    A factor between the maps' temperatures or δ is a change of μ and σ.
    """
    if p.map != q.map:
        raise NotImplementedError(
            "KL of invertible Gaussians has a closed form for the same map only"
        )
    return kl_divergence(_standardised(p), _standardised(q))


def _standardised(p: InvertibleGaussian) -> Distribution:
    """Distribution of y/τ − log δ, which the map with δ = 1, or stick breaking, takes to z."""
    tau = p.temperature[..., None]
    shift = torch.full_like(tau, p.delta if p.map == "softmax++" else 1.0).log()
    return Independent(
        Normal(p.loc / tau - shift, p.scale / tau, validate_args=False), 1, validate_args=False
    )
