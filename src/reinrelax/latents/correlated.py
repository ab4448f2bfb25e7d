"""Binary latent variables that a Gaussian copula couples (A, III.F)."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.special import log_ndtr, ndtr, ndtri

from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.distributions.base import Relaxation
from reinrelax.distributions.correlated_relaxed_bernoulli import CorrelatedRelaxedBernoulli
from reinrelax.latents.base import Latent, drawn, per_image
from reinrelax.latents.bernoulli import kl_to_fair

# Paths of the estimate of log q(b | x) beside the one that made b.
_PATHS = 15
# Normal scores beyond which a probability is one in float32.
_FAR = 8.0


class CorrelatedLatent(Latent):
    """b_k = 1{n_k > −Φ⁻¹(π_k)}, n ~ N(0, R): π from the encoder, one R for all images; prior Bernoulli(½).

    KL(q(b | x) ‖ p(b)) is the marginals' KL and the total correlation of b. The latter has no closed form; by
    data processing it is at most that of n, −½ log det R, which is what the own loss takes. The hard bound
    estimates log q(b | x) by the Geweke–Hajivassiliou–Keane recursion over several paths, one of them the n
    that made b: so its mean is an upper bound too, and a tighter one (Sobolev and Vetrov, 2019).

    Args:
        tau: temperatures `[R]`.
        learn: whether R is learned, or is the identity.
        penalised: whether the own loss has −½ log det R. Without, R costs nothing and the loss is no bound.
    """

    def __init__(
        self,
        shape: LatentShape,
        seeds: Sequence[int],
        device: torch.device | str,
        *,
        tau: Tensor,
        learn: bool = True,
        penalised: bool = True,
    ) -> None:
        super().__init__(shape, seeds, device)
        self.outputs = self.inputs = shape.latents
        self._tau = per_image(tau, 2, self.device)
        self._learn, self._penalised = learn, learn and penalised
        eye = torch.eye(shape.latents, dtype=torch.float32, device=self.device)
        self._eye = eye.expand(self.replicas, -1, -1)
        if learn:
            self.learned["rows"] = torch.zeros_like(self._eye).contiguous().requires_grad_()

    def cholesky(self) -> Tensor:
        """Lower factor of R, `[R, L, L]`: rows of unit length, with a positive diagonal."""
        if not self._learn:
            return self._eye
        rows = self.learned["rows"].tril(-1) + self._eye
        unit: Tensor = rows / rows.norm(dim=-1, keepdim=True)
        return unit

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        return drawn(self.relaxation(outputs), streams), self._kl(outputs)

    def relaxation(self, outputs: Tensor) -> Relaxation:
        """The law of the relaxed sample."""
        return CorrelatedRelaxedBernoulli(
            self._tau, logits=outputs, cholesky=self.cholesky()[:, None], validate_args=False
        )

    def _kl(self, outputs: Tensor) -> Tensor:
        marginals = kl_to_fair(outputs)
        if not self._penalised:
            return marginals
        return marginals - self.cholesky().diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True)

    def harden(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        noise = streams.normal_(torch.empty_like(outputs))
        if not self._learn:
            scores = noise + _score(outputs)
            return (scores > 0).to(outputs.dtype), kl_to_fair(outputs)
        factor = self.cholesky().detach()
        code = ((factor[:, None] @ noise[..., None])[..., 0] + _score(outputs) > 0).to(outputs.dtype)
        paths = streams.uniform_(outputs.new_empty((*outputs.shape, _PATHS)))
        log_q = self._log_prob(outputs, code, noise, factor, paths)
        return code, log_q + self.shape.latents * math.log(2)

    def prior(self, count: int, streams: Streams) -> Tensor:
        return (self.uniform(count, self.shape.latents, streams=streams) < 0.5).float()

    def facts(self) -> dict[str, Tensor]:
        factor = self.cholesky().detach()
        return {"correlation": factor @ factor.mT}

    def _log_prob(
        self, outputs: Tensor, code: Tensor, noise: Tensor, factor: Tensor, paths: Tensor
    ) -> Tensor:
        """A random number whose mean is at least log q(b | x), `[R, B]`; equal for R = I.

        Along a path e, q(b) = E Π_k P(b_k | e_1 … e_{k−1}), each e_k drawn from what b_k leaves it.

        Args:
            noise: the e that made the code, `[R, B, L]`.
            paths: uniform noise for the others, `[R, B, L, M]`.
        """
        sign = 2 * code - 1
        threshold = _score(outputs)
        e = torch.cat((noise[..., None], torch.zeros_like(paths)), -1)  # [R, B, L, 1 + M]
        log_weight = torch.zeros_like(e[..., 0, :])
        for k in range(self.shape.latents):
            above = threshold[..., k, None].expand_as(log_weight)
            if k:
                # Σ_j<k L_kj e_j, for all paths at once.
                above = above + torch.einsum("rj,rbjm->rbm", factor[:, k, :k], e[..., :k, :])
            above = sign[..., k, None] * above / factor[:, k, k, None, None]
            log_weight = log_weight + log_ndtr(above)
            # −e_k sign is below `above`: by inversion of its normal law, cut off there.
            drawn = ndtri((paths[..., k, :] * ndtr(above[..., 1:])).clamp_min(1e-30)).clamp(-_FAR, _FAR)
            e[..., k, 1:] = -sign[..., k, None] * drawn
        return log_weight.logsumexp(-1) - math.log(log_weight.shape[-1])


def _score(logits: Tensor) -> Tensor:
    """Φ⁻¹(σ(logits)), by the tail where a float is exact."""
    tail: Tensor = ndtri(torch.sigmoid(-logits.abs()).clamp_min(1e-30))
    return -tail * logits.sign()


correlated = CorrelatedLatent
independent = partial(CorrelatedLatent, learn=False)
free = partial(CorrelatedLatent, penalised=False)
