"""A function like `torch.nn.functional.gumbel_softmax` for any pathwise estimator.

>>> import torch
>>> logits = torch.zeros(2, 5, 3, requires_grad=True)
>>> gumbel_softmax(logits, 1.3, hard=True, dim=1, method="reinmax").sum(1)
tensor([[1., 1., 1.],
        [1., 1., 1.]], grad_fn=<SumBackward1>)
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, overload

import torch
from torch import Tensor

from reinrelax import estimators
from reinrelax.core.numerics import log_softmax, softmax
from reinrelax.core.rng import Streams, TracedStreams, one_stream, traced
from reinrelax.errors import InputError
from reinrelax.estimators import gumbel
from reinrelax.estimators.arguments import completed
from reinrelax.estimators.base import MASKED, Pathwise, Sample, draw, entering, hyperparameters_for
from reinrelax.estimators.losses import wants_gradient

OWNER = "gumbel_softmax"


@overload
def gumbel_softmax(
    logits: Tensor,
    tau: Tensor | float = ...,
    hard: bool | None = ...,
    dim: int = ...,
    *,
    method: str = ...,
    return_probs: Literal[False] = ...,
    generator: torch.Generator | None = ...,
    validate_args: bool | None = ...,
    **hyper: Any,
) -> Tensor: ...
@overload
def gumbel_softmax(
    logits: Tensor,
    tau: Tensor | float = ...,
    hard: bool | None = ...,
    dim: int = ...,
    *,
    method: str = ...,
    return_probs: Literal[True],
    generator: torch.Generator | None = ...,
    validate_args: bool | None = ...,
    **hyper: Any,
) -> tuple[Tensor, Tensor]: ...
def gumbel_softmax(
    logits: Tensor,
    tau: Tensor | float = 1.0,
    hard: bool | None = None,
    dim: int = -1,
    *,
    method: str = "STGS",
    return_probs: bool = False,
    generator: torch.Generator | None = None,
    validate_args: bool | None = None,
    **hyper: Any,
) -> Tensor | tuple[Tensor, Tensor]:
    """Draw a sample of softmax(logits) along an axis; its backward pass gives a gradient estimate.

    A second backward pass through a retained graph gives the same gradient, even if the estimator
    draws noise in its backward pass. Second derivatives are meaningless, because an estimate
    approximates only the first.

    Under `torch.compile`, `torch.export`, `torch.vmap` and the other transforms of `torch.func`,
    the function is one graph of torch operations; it uses torch's own noise and does not check
    values. Estimators that draw noise in their backward pass (Gumbel-Rao and those based on it)
    raise an error there.

    Args:
        logits: θ, unnormalised; −inf masks a category.
        tau: temperature, a number or a tensor that broadcasts to the logits' shape with 1 at `dim`.
        hard: whether the sample is one-hot. If None, it is, except for STGS, which returns the
            relaxed sample like torch's function. Other methods have no relaxed sample.
        dim: the axis of the categories.
        method: the name of an estimator in the tables or in Python: "ReinMax", "reinmax",
            "gumbel_rao", "ST", …
        return_probs: whether to return softmax(logits) as well, as part of the graph.
        generator: source of all randomness, on the logits' device; torch's global one if None.
        validate_args: as for estimators.
        **hyper: the estimator's other hyper-parameters.

    Returns:
        The sample, of the shape of the logits; with `return_probs`, also softmax(logits).

    Raises:
        InputError: as for estimators; an unknown method, one that takes the loss, or an invalid
            axis.
    """
    estimator = pathwise_of(method)
    soft = not hard if hard is not None else estimator.name == "STGS"
    if soft and estimator.name != "STGS":
        raise InputError(
            f"{OWNER}: {estimator.name} has no relaxed sample; give hard=True, or method='STGS'"
        )
    rank = logits.ndim if isinstance(logits, Tensor) else 1
    if not -rank <= dim < max(rank, 1):
        raise InputError(
            f"{OWNER}: dim must be an axis of the logits, from {-rank} to {rank - 1}; got {dim}"
        )
    if "tau" in estimator.hyperparameters:
        hyper["tau"] = tau
    last = dim in (-1, rank - 1)
    if isinstance(logits, Tensor) and not last:
        hyper = {k: _along(v, logits, dim) for k, v in hyper.items()}
        logits = logits.movedim(dim, -1)
    streams, is_traced = one_stream(OWNER, generator), traced()
    if is_traced and "draws" in estimator.hyperparameters:
        raise InputError(
            f"{OWNER}: {estimator.name} draws noise in its backward pass, which cannot be traced;"
            " call it outside torch.compile, torch.export and torch.func, or take one that does"
            " not, such as 'reinmax'"
        )
    values = completed(
        estimator.name,
        estimator.hyperparameters,
        logits,
        hyper,
        False if is_traced else validate_args,
    )
    sample = _sample(estimator, logits[None], streams, values, soft)[0]
    sample = sample if last else sample.movedim(-1, dim)
    return (sample, softmax(logits).movedim(-1, dim)) if return_probs else sample


def pathwise_of(method: str) -> Pathwise:
    """Return the pathwise estimator of a name in the tables or in Python.

    Raises:
        InputError: there is no pathwise estimator of this name.
    """
    if method not in _METHODS:
        raise InputError(
            f"{OWNER}: unknown method {method!r}; known: {', '.join(sorted(_METHODS))}"
        )
    estimator = _METHODS[method]
    if not isinstance(estimator, Pathwise):
        raise InputError(
            f"{OWNER}: {estimator.name} takes the loss; call"
            f" reinrelax.estimators.{estimator.__name__}"
        )
    return estimator


# By their names in the tables and in Python. A table, because torch's compiler does not support
# imports on first use.
_METHODS = {
    key: estimators.get(name)
    for name, entry in estimators.CATALOGUE.items()
    for key in (name, entry.function)
}


def _along(value: Any, logits: Tensor, dim: int) -> Any:
    """Move axis `dim` of a hyper-parameter to the end.

    It broadcasts to the logits and has size 1 there; the result has shape `[...]`.
    """
    if not isinstance(value, Tensor) or not value.ndim or dim in (-1, logits.ndim - 1):
        return value
    shape = list(logits.shape)
    shape[dim] = 1
    try:
        return value.expand(shape).movedim(dim, -1)
    except RuntimeError:
        raise InputError(
            f"{OWNER}: a tensor of shape {list(value.shape)} does not broadcast to {shape}"
        ) from None


def _sample(
    estimator: Pathwise, logits: Tensor, streams: Streams, hyper: dict[str, Any], soft: bool
) -> Tensor:
    """Draw a sample for logits `[1, ..., C]`."""
    if soft:
        theta = log_softmax(entering(logits)).clamp_min(MASKED)
        sample = replace(_draw(logits, streams), log_probs=theta)
        return gumbel.relaxed(sample, **hyperparameters_for(logits, hyper)).to(logits.dtype)
    if not isinstance(streams, TracedStreams) or wants_gradient(*hyper.values()):
        return _repeating(estimator, logits.device).sample(logits, streams, **hyper)
    drawn, hyper = _draw(logits, streams), hyperparameters_for(logits, hyper)
    tensors = [value for value in hyper.values() if isinstance(value, Tensor)]

    def vjp(
        cotangent: Tensor, log_probs: Tensor, gumbel: Tensor, one_hot: Tensor, *given: Tensor
    ) -> Tensor:
        rest = iter(given)
        own = {k: next(rest) if isinstance(v, Tensor) else v for k, v in hyper.items()}
        out: Tensor = estimator.function(
            cotangent, Sample(log_probs, gumbel, one_hot, streams), **own
        )
        return out

    out: Tensor = _Traced.apply(
        entering(logits), vjp, drawn.log_probs, drawn.gumbel, drawn.one_hot, *tensors
    )
    return out.to(logits.dtype)


def _draw(logits: Tensor, streams: Streams) -> Sample:
    """Draw as `base.draw`; under tracing, use only operations that have batching rules."""
    if not isinstance(streams, TracedStreams):
        return draw(logits, streams)
    log_probs = log_softmax(entering(logits.detach()))
    gumbel = streams.uniform_(log_probs).log().neg().log().neg()
    categories = torch.arange(log_probs.shape[-1], dtype=torch.int64, device=log_probs.device)
    chosen = (log_probs + gumbel).argmax(-1, keepdim=True) == categories
    return Sample(log_probs, gumbel, chosen.to(log_probs.dtype), streams)


def _repeating(estimator: Pathwise, device: torch.device) -> Pathwise:
    """Copy an estimator for one sample; all its backward passes repeat the noise of the first."""
    if "draws" not in estimator.hyperparameters:
        return estimator
    state: Tensor | None = None

    def vjp(cotangent: Tensor, sample: Sample, **hyper: Any) -> Tensor:
        nonlocal state
        (generator,) = sample.streams.generators
        if state is None:
            state = _state(generator, device)
        else:
            generator = torch.Generator(device)
            generator.set_state(state)
        out: Tensor = estimator.function(
            cotangent, replace(sample, streams=Streams([generator])), **hyper
        )
        return out

    new = Pathwise.__new__(Pathwise)
    vars(new).update(vars(estimator), function=vjp)
    return new


def _state(generator: torch.Generator | None, device: torch.device) -> Tensor:
    if generator is not None:
        return generator.get_state()
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


class _Traced(torch.autograd.Function):
    """A traceable function: returns the drawn D, with the estimator's vector-Jacobian product."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, vjp: Callable[..., Tensor], *saved: Tensor) -> Tensor:
        return saved[2].clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.vjp, *saved = inputs
        ctx.save_for_backward(*saved)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        return (ctx.vjp(cotangent, *saved), None, *(None for _ in saved))
