"""The estimator contract.

Logits `[R, ..., C]` and a loss `f` of a one-hot sample go in; a sample and a surrogate whose
gradient is the estimate come out. A *pathwise* estimator is one function: the vector-Jacobian
product that stands in for the derivative of the sample. A *score-function* estimator is one
function from logits and loss to an `Estimate`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax, softmax, widened
from reinrelax.core.rng import Streams
from reinrelax.core.types import LatentShape
from reinrelax.errors import InputError
from reinrelax.estimators.arguments import completed
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS, entry_of
from reinrelax.estimators.losses import (
    Loss,
    checked,
    constant,
    leading,
    wants_gradient,
    with_gradient,
)

Vjp = Callable[..., Tensor]
# What an estimate is the derivative of: from a sample and the hyper-parameters.
Relaxed = Callable[..., Tensor]
# From the shape of the code and R streams, values `[R, ...]` by name.
Parameters = Callable[[LatentShape, Streams], Mapping[str, Tensor]]
# In place of the logarithm of a masked category's probability: finite after a division by τ.
MASKED = -1e30


@dataclass(frozen=True)
class Sample:
    """A categorical draw D by the Gumbel-max trick (B, Eq. 4), with its noise and probabilities.

    All tensors are contiguous and in at least float32, whatever the logits are.

    Attributes:
        log_probs: log π = log softmax(θ), `[R, ..., C]`, outside the graph.
        gumbel: the noise G that made the draw, `[R, ..., C]`.
        one_hot: D = one-hot argmax(θ + G), `[R, ..., C]`.
        streams: the source of further noise.
    """

    log_probs: Tensor
    gumbel: Tensor
    one_hot: Tensor
    streams: Streams

    @property
    def probs(self) -> Tensor:
        """Probabilities π, `[R, ..., C]`."""
        return self.log_probs.exp()

    def tempered(self, tau: Tensor | float) -> Tensor:
        """Tempered probabilities π_τ = softmax(θ/τ), `[R, ..., C]`."""
        return softmax(self.log_probs / tau)


def draw(logits: Tensor, streams: Streams) -> Sample:
    """Sample D ~ softmax(logits) for logits `[R, ..., C]`, every replica from its own stream."""
    log_probs = log_softmax(entering(logits.detach()))
    gumbel = streams.exponential_(torch.empty_like(log_probs)).log_().neg_()
    index = (log_probs + gumbel).argmax(-1, keepdim=True)
    one_hot = torch.zeros_like(log_probs).scatter_(-1, index, 1.0)
    return Sample(log_probs, gumbel, one_hot, streams)


def entering(logits: Tensor) -> Tensor:
    """Convert logits to at least float32, contiguous in the order of their indices.

    In 16 bits, categories would tie and rare ones never win; and a sum's rounding depends on the
    layout.
    """
    return widened(logits).contiguous()


def hyperparameters_for(logits: Tensor, hyper: dict[str, Any]) -> dict[str, Any]:
    """Move hyper-parameters that are tensors to the precision and the device of the estimator."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return {k: v.to(logits.device, dtype) if isinstance(v, Tensor) else v for k, v in hyper.items()}


def softmax_vjp(probs: Tensor, cotangent: Tensor) -> Tensor:
    """Vector-Jacobian product g (diag(p) − p pᵀ) of a softmax of value p and a cotangent g, `[...,
    C]`.
    """
    weighted = probs * cotangent
    return weighted - probs * weighted.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Estimate:
    """An estimate of ∇_θ E[f(D)], as a surrogate that has it for its gradient.

    Attributes:
        one_hot: the (last) sample D, `[R, ..., C]`.
        loss: f at the sample, or its mean over the samples, with the leading axes that f keeps.
        surrogate: same shape; its gradient is the estimate, its value means nothing.
        variance_loss: same shape, where the estimator has something to learn and it requires a
            gradient: the square of the estimate, summed over coordinates. As the estimate is
            unbiased whatever was learned, its gradient is in the mean that of the variance. Take it
            by `torch.autograd.grad` with respect to learned tensors only: f's own parameters are in
            its graph too.
    """

    one_hot: Tensor
    loss: Tensor
    surrogate: Tensor
    variance_loss: Tensor | None = None


class Estimator:
    """Base of both kinds: a name, an equation, hyper-parameters read off the function's signature.

    Attributes:
        name: as in the papers' tables.
        equation: where the formula is from.
        unbiased: whether the estimate's mean is the exact gradient for every f.
        hyperparameters: names of the keyword arguments beside `generator`, `validate_args` and
            `phi`.
        learns: those of them that a training learns, from the values of its settings on.
        parameters: initial values of further learned tensors, φ, which its function takes as `phi`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        equation: str,
        unbiased: bool,
        learns: Sequence[str] = (),
        parameters: Parameters | None = None,
    ) -> None:
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        self.__module__ = function.__module__
        self.function = function
        self.name = name
        self.equation = equation
        self.unbiased = unbiased
        self.learns, self.parameters = tuple(learns), parameters
        arguments = inspect.signature(function).parameters.values()
        keywords = [p for p in arguments if p.kind is p.KEYWORD_ONLY and p.name != "phi"]
        self.hyperparameters = tuple(p.name for p in keywords)
        # What help() and an editor show is the call, not the function behind it.
        shown = [p.replace(default=entry_of(name, p.name).default) for p in keywords]
        last = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None)
            for key in ("generator", "validate_args")
        ]
        self.__signature__ = inspect.Signature([*self._positional(), *shown, *last])

    def surrogate(self, logits: Tensor, f: Loss, streams: Streams, **hyper: Any) -> Estimate:
        """Estimate the gradient for logits `[R, ..., C]` and hyper-parameters `[R, 1, …]`,
        unchecked.

        Where one of them, or of `phi`, requires a gradient, there is a `variance_loss`.
        """
        raise TypeError(f"{type(self).__name__} is abstract: use @pathwise or @score_function")

    def at_start(
        self, hyper: Mapping[str, Any], shape: LatentShape, streams: Streams
    ) -> dict[str, Tensor]:
        """Initial values, by name, `[R, ...]`, of the tensors that a training learns beside its
        networks.

        Args:
            hyper: the hyper-parameters, `[R, 1, …]`.
            shape: of the code.
            streams: the source of random initial values.
        """
        found = {} if self.parameters is None else dict(self.parameters(shape, streams))
        # What must be positive is learned as a logarithm.
        for name in self.learns:
            found[name] = (
                hyper[name].log() if HYPERPARAMETERS[name].above == 0 else hyper[name].clone()
            )
        return found

    def learned(self, hyper: Mapping[str, Any], leaves: Mapping[str, Tensor]) -> dict[str, Any]:
        """Arguments of `surrogate` with learned tensors at their current values, not the initial
        ones.
        """
        own = {
            name: leaves[name].exp() if HYPERPARAMETERS[name].above == 0 else leaves[name]
            for name in self.learns
        }
        phi = {name: leaf for name, leaf in leaves.items() if name not in own}
        return {**hyper, **own, **({"phi": phi} if phi else {})}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} ({self.equation})>"

    @staticmethod
    def _positional() -> list[inspect.Parameter]:
        return [inspect.Parameter("logits", inspect.Parameter.POSITIONAL_OR_KEYWORD)]


class Pathwise(Estimator):
    """An estimator that replaces the derivative of the sample: one forward and one backward pass of
    f.

    Attributes:
        relaxed: if there is one, the function whose derivative the estimate is; hyper-parameters
            have a gradient through it.
    """

    def __init__(self, function: Vjp, *, relaxed: Relaxed | None = None, **named: Any) -> None:
        super().__init__(function, **named)
        self.relaxed = relaxed

    def __call__(
        self,
        logits: Tensor,
        *,
        generator: torch.Generator | None = None,
        validate_args: bool | None = None,
        **hyper: Any,
    ) -> Tensor:
        """Draw a one-hot sample of softmax(logits), `[..., C]`, whose backward pass gives the
        estimate.

        Args:
            logits: θ, `[..., C]`, unnormalised; −inf masks a category. Of any layout, in 16, 32 or
                64 bits: 16 are worked on as float32, and the sample has the dtype of the logits.
            generator: source of all randomness, on the logits' device; torch's global one if None.
            validate_args: whether values are looked at; if None, as for all of torch's
                distributions, by `Distribution.set_default_validate_args`. Without it, nothing
                waits for a device, and results for NaN, +inf, rows of −inf and hyper-parameters out
                of range are undefined.
            **hyper: this estimator's hyper-parameters; τ, η and β may be tensors that broadcast to
                `[..., 1]`. The τ of Straight-Through Gumbel-Softmax has the gradient of its relaxed
                sample. To others none passes. Changing one before the backward pass is an error
                there.

        Raises:
            InputError: rank 0, not floating point, NaN or +inf in the logits; a hyper-parameter out
                of range, or one that requires a gradient where none is defined.
        """
        values = completed(self.name, self.hyperparameters, logits, hyper, validate_args)
        return self.sample(logits[None], Streams([generator]), **values)[0]

    def sample(self, logits: Tensor, streams: Streams, **hyper: Any) -> Tensor:
        """Draw as `__call__` does, for logits `[R, ..., C]` and R streams; no value is checked."""
        asking = (
            [k for k, v in hyper.items() if wants_gradient(v)] if torch.is_grad_enabled() else []
        )
        if asking and self.relaxed is not None:
            sample = draw(logits, streams)
            theta = log_softmax(entering(logits)).clamp_min(MASKED)
            soft = self.relaxed(
                replace(sample, log_probs=theta), **hyperparameters_for(logits, hyper)
            )
            return (sample.one_hot + (soft - soft.detach())).to(logits.dtype)
        if asking:
            name = asking[0]
            raise InputError(
                f"{self.name}: {name} requires a gradient, but none passes to it; give"
                f" {name}.detach()"
            )
        out: Tensor = _Replaced.apply(logits, self.function, streams, hyper)
        return out

    def surrogate(self, logits: Tensor, f: Loss, streams: Streams, **hyper: Any) -> Estimate:
        if torch.is_grad_enabled() and wants_gradient(
            *hyper.values(), *hyper.get("phi", {}).values()
        ):
            return self._learning(logits, f, streams, hyper)
        one_hot = self.sample(logits, streams, **hyper)
        loss = checked(f"{self.name}: f", f, logits.dtype, *leading(logits))(one_hot)
        return Estimate(one_hot.detach(), loss.detach(), loss)

    def _learning(
        self, logits: Tensor, f: Loss, streams: Streams, hyper: dict[str, Any]
    ) -> Estimate:
        """The same, formed beside the graph of f, so that its square can be derived once more."""
        sample = draw(logits, streams)
        known = checked(f"{self.name}: f", f, logits.dtype, *leading(logits))
        loss = known(sample.one_hot)
        leaf = sample.one_hot.detach().requires_grad_()
        (cotangent,) = torch.autograd.grad(constant(known)(leaf).sum(), leaf)
        arguments = hyperparameters_for(logits, hyper)
        gradient = self.function(cotangent.to(sample.log_probs.dtype), sample, **arguments)
        return Estimate(
            sample.one_hot,
            loss.detach(),
            with_gradient(loss, gradient.detach(), logits),
            gradient.square().sum(tuple(range(loss.ndim, logits.ndim))),
        )


class ScoreFunction(Estimator):
    """An estimator that weighs ∇ log p(D) by values of f; f need not be differentiable in D."""

    def __call__(
        self,
        logits: Tensor,
        f: Loss,
        *,
        generator: torch.Generator | None = None,
        validate_args: bool | None = None,
        **hyper: Any,
    ) -> Estimate:
        """Estimate the gradient for logits `[..., C]`; call `.surrogate.sum().backward()` of the
        result.

        The loss f maps one-hot `[..., C]` to `[...]`, or to fewer axes when it joins latent
        variables (`[B, L, C]` to `[B]`).

        The other arguments are those of pathwise estimators. A hyper-parameter that requires a
        gradient gets it from `variance_loss`, as the mean of the estimate does not depend on it.

        Raises:
            InputError: as for pathwise estimators; f returns no tensor, or one of another shape.
        """
        values = completed(self.name, self.hyperparameters, logits, hyper, validate_args)
        loss = checked(f"{self.name}: f", f, logits.dtype, *leading(logits))
        estimate = self._estimate(
            logits[None], lambda z: loss(z[0])[None], Streams([generator]), values
        )
        variance = estimate.variance_loss
        return Estimate(
            estimate.one_hot[0],
            estimate.loss[0],
            estimate.surrogate[0],
            None if variance is None else variance[0],
        )

    def surrogate(self, logits: Tensor, f: Loss, streams: Streams, **hyper: Any) -> Estimate:
        loss = checked(f"{self.name}: f", f, logits.dtype, *leading(logits))
        return self._estimate(logits, loss, streams, hyper)

    def _estimate(
        self, logits: Tensor, f: Loss, streams: Streams, hyper: dict[str, Any]
    ) -> Estimate:
        estimate: Estimate = self.function(logits, f, streams, **hyperparameters_for(logits, hyper))
        return replace(estimate, one_hot=estimate.one_hot.to(logits.dtype))

    @staticmethod
    def _positional() -> list[inspect.Parameter]:
        return [
            *Estimator._positional(),
            inspect.Parameter("f", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        ]


def pathwise(
    *,
    name: str,
    equation: str,
    unbiased: bool = False,
    relaxed: Relaxed | None = None,
    **learned: Any,
) -> Callable[[Vjp], Pathwise]:
    """Make an estimator of a function `(cotangent, sample, *, hyper-parameters) -> gradient`.

    The cotangent is ∂f/∂D, `[R, ..., C]`; the function returns the estimate at the logits, of the
    same shape. Where it is the derivative of a function `(sample, *, hyper-parameters)`, `relaxed`
    is that function. `learns` and `parameters` name the tensors that a training learns, as in
    `Estimator`.
    """
    return lambda vjp: Pathwise(
        vjp, relaxed=relaxed, name=name, equation=equation, unbiased=unbiased, **learned
    )


def score_function(
    *, name: str, equation: str, unbiased: bool = True, **learned: Any
) -> Callable[[Callable[..., Estimate]], ScoreFunction]:
    """Make an estimator of a function `(logits, f, streams, *, hyper-parameters) -> Estimate`.

    `learns` and `parameters` name the tensors that a training learns, as in `Estimator`.
    """
    return lambda function: ScoreFunction(
        function, name=name, equation=equation, unbiased=unbiased, **learned
    )


class _Replaced(torch.autograd.Function):
    """Forward draws D; backward applies the estimator's vector-Jacobian product."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, vjp: Vjp, streams: Streams, hyper: dict[str, Any]
    ) -> Tensor:
        sample = draw(logits, streams)
        hyper = hyperparameters_for(logits, hyper)
        # Saved as tensors, for autograd to notice one that is changed before the backward pass.
        tensors = {
            k: v.clone() if v.is_inference() else v
            for k, v in hyper.items()
            if isinstance(v, Tensor)
        }
        ctx.save_for_backward(sample.log_probs, sample.gumbel, sample.one_hot, *tensors.values())
        ctx.vjp, ctx.streams, ctx.names = vjp, streams, tuple(tensors)
        ctx.numbers = {k: v for k, v in hyper.items() if k not in tensors}
        ctx.dtype = logits.dtype
        return sample.one_hot.to(logits.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None, None, None]:
        log_probs, gumbel, one_hot, *tensors = ctx.saved_tensors
        sample = Sample(log_probs, gumbel, one_hot, ctx.streams)
        hyper = ctx.numbers | dict(zip(ctx.names, tensors, strict=True))
        return (
            ctx.vjp(cotangent.to(log_probs.dtype), sample, **hyper).to(ctx.dtype),
            None,
            None,
            None,
        )


# Registers how both kinds, which stand above, are pickled.
from reinrelax.estimators import pickled  # noqa: E402, F401
