"""Binary latent variables coupled by a Gaussian copula (paper A, III.F)."""

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

# Additional paths in the estimate of log q(b | x), besides the one that generated b.
_PATHS = 15
# Largest normal score: beyond it, probabilities are 1 in float32.
_FAR = 8.0


class CorrelatedLatent(Latent):
    """Correlated binary latents b_k = 1{n_k > −Φ⁻¹(π_k)}, n ~ N(0, R), with prior Bernoulli(½).

    The encoder gives π; one R is shared by all images. KL(q(b | x) ‖ p(b)) is the KL of the
    marginals plus the total correlation of b. The latter has no closed form; by the data processing
    inequality it is at most that of n, −½ log det R, which the training loss uses. The hard bound
    estimates log q(b | x) by the Geweke–Hajivassiliou–Keane recursion over several paths, one of
    them the n that generated b. Its mean is therefore also an upper bound, and a tighter one
    (Sobolev and Vetrov, 2019).

    Args:
        tau: temperatures `[R]`.
        learn: whether R is learned; otherwise it is the identity.
        penalised: whether the training loss includes −½ log det R. Without it, R is not penalised
            and the loss is not a bound.
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
        """Return the Cholesky factor of R, `[R, L, L]`, with rows of unit length."""
        if not self._learn:
            return self._eye
        rows = self.learned["rows"].tril(-1) + self._eye
        unit: Tensor = rows / rows.norm(dim=-1, keepdim=True)
        return unit

    def relaxed(self, outputs: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        return drawn(self.relaxation(outputs), streams), self._kl(outputs)

    def relaxation(self, outputs: Tensor) -> Relaxation:
        """Return the distribution of the relaxed sample."""
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
        code = ((factor[:, None] @ noise[..., None])[..., 0] + _score(outputs) > 0).to(
            outputs.dtype
        )
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
        """Estimate log q(b | x), `[R, B]`, from above: the mean is at least log q, equal for R = I.

        q(b) = E Π_k P(b_k | e_1 … e_{k−1}) over paths e, where e_k is drawn from N(0, 1) truncated
        to the values that give b_k.

        Args:
            noise: the path e that generated the code, `[R, B, L]`.
            paths: uniform noise for the M other paths, `[R, B, L, M]`.
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
            # Draw −e_k · sign from N(0, 1) truncated to values below `above`, by inversion.
            drawn = ndtri((paths[..., k, :] * ndtr(above[..., 1:])).clamp_min(1e-30)).clamp(
                -_FAR, _FAR
            )
            e[..., k, 1:] = -sign[..., k, None] * drawn
        return log_weight.logsumexp(-1) - math.log(log_weight.shape[-1])


def _score(logits: Tensor) -> Tensor:
    """Return Φ⁻¹(σ(logits)), computed from the lower tail, where floats are precise."""
    tail: Tensor = ndtri(torch.sigmoid(-logits.abs()).clamp_min(1e-30))
    return -tail * logits.sign()


correlated = CorrelatedLatent
independent = partial(CorrelatedLatent, learn=False)
free = partial(CorrelatedLatent, penalised=False)
