"""Base of all relaxations: one place where noise is drawn, parameters that broadcast, errors in
words.
"""

import copy
import numbers
from collections.abc import Callable, Collection, Sequence
from functools import reduce
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeVar

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal, constraints
from torch.distributions import kl as torch_kl
from torch.distributions.utils import probs_to_logits

from reinrelax.core.numerics import log_softmax, widened
from reinrelax.core.rng import one_stream, traced
from reinrelax.distributions.functions import between_ends, log_clamped
from reinrelax.errors import InputError

P = TypeVar("P", bound=Distribution)
Q = TypeVar("Q", bound=Distribution)
L = TypeVar("L", bound=Distribution)

# In place of log 0: never drawn, and still finite after a division by τ.
_MASKED = -1e30


class Relaxation(Distribution):
    """A smooth function of noise, and the discrete value that the same noise gives.

    A subclass names its tensors in `arg_constraints`, the main one first, and its other constructor
    arguments in `options`; it defines `from_noise`, `harden` and the densities and moments that are
    known. Its constructor gives all parameters to `_enter` first.

    Parameters, noise and all that is computed from them are in at least float32, because 16-bit
    noise has another distribution. Samples have the dtype that the parameters were given in.

    Attributes:
        noise_kind: distribution of each element of the noise: U(0, 1) without its ends, or standard
            normal.
        options: constructor arguments other than tensors.
        dtype: of samples: the widest of the parameters' as they were given.
    """

    noise_kind: ClassVar[Literal["uniform", "normal"]] = "uniform"
    options: ClassVar[tuple[str, ...]] = ()
    has_rsample = True
    dtype: torch.dtype

    def _enter(self, **parameters: Any) -> "list[Any]":
        """Convert parameters to tensors of one dtype, at least float32, on the device of the
        largest rank.

        Numbers take the dtype and the device of the tensors beside them; None stays.

        Raises:
            InputError: one is neither a tensor of real numbers nor convertible to one.
        """
        given = {k: _real(self._name, k, v) for k, v in parameters.items() if v is not None}
        tensors = [t for t in given.values() if isinstance(t, Tensor)]
        dtypes = [t.dtype for t in tensors if t.is_floating_point()] or [torch.get_default_dtype()]
        self.dtype = reduce(torch.promote_types, dtypes)
        device = max(tensors, key=lambda t: t.ndim).device if tensors else None
        dtype = torch.promote_types(self.dtype, torch.float32)
        entered = {k: torch.as_tensor(v, dtype=dtype, device=device) for k, v in given.items()}
        return [entered.get(name) for name in parameters]

    def __init__(
        self,
        event_shape: Sequence[int],
        *,
        validate_args: bool | None,
        proven: Collection[str] = (),
        **parameters: Any,
    ) -> None:
        """`proven` names the parameters that satisfy their constraints by construction."""
        if validate_args is not None:
            self._validate_args = validate_args
        validate = self._validate_args
        batches = []
        for name, tensor in parameters.items():
            rank = self.arg_constraints[name].event_dim
            if tensor.ndim < rank:
                raise InputError(
                    f"{self._name}: {name} needs rank >= {rank}; got {list(tensor.shape)}"
                )
            batches.append(tensor.shape[: tensor.ndim - rank])
        try:
            batch = torch.broadcast_shapes(*batches)
        except RuntimeError:
            shown = ", ".join(f"{k} {list(v.shape)}" for k, v in parameters.items())
            raise InputError(f"{self._name}: shapes do not broadcast: {shown}") from None
        for (name, tensor), own in zip(parameters.items(), batches, strict=True):
            setattr(self, name, tensor.expand(batch + tensor.shape[len(own) :]))
            if validate and name not in proven:
                check(self._name, name, self.arg_constraints[name], tensor)
        # Checked above, in this project's words.
        super().__init__(batch, torch.Size(event_shape), validate_args=False)
        self._validate_args = validate

    def noise_shape(self, sample_shape: Sequence[int] = ()) -> torch.Size:
        """Shape of the noise of `sample_shape` samples: sample shape, batch shape, then that of one
        event.
        """
        return self._extended_shape(torch.Size(sample_shape))

    def draw_noise(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw noise of `noise_shape` and `noise_kind`, each element independently.

        Raises:
            InputError: a generator was given under torch's compiler or one of its transforms.
        """
        shape = (1, *self.noise_shape(sample_shape))
        out = torch.empty(shape, dtype=self._first.dtype, device=self._first.device)
        streams = one_stream(self._name, generator)
        return (streams.uniform_ if self.noise_kind == "uniform" else streams.normal_)(out)[0]

    def from_noise(self, noise: Tensor) -> Tensor:
        """Make the relaxed sample of noise `[*noise_shape]`, in at least float32.

        It is differentiable in the parameters.
        """
        raise NotImplementedError

    def harden(self, noise: Tensor) -> Tensor:
        """Make the discrete value H(z) of the same noise, of the shape of a sample."""
        raise NotImplementedError

    def discrete(self) -> Distribution:
        """Distribution of the hardened value, as torch's where it is a standard one.

        Raises:
            NotImplementedError: it is not a standard one.
        """
        raise NotImplementedError(f"{self._name}: the hardened value has no standard law")

    def rsample(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw relaxed samples `[*sample_shape, *batch_shape, *event_shape]` with their
        gradient.
        """
        return self.from_noise(self.draw_noise(sample_shape, generator=generator)).to(self.dtype)

    def sample(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw as `rsample` does, outside the graph."""
        with torch.no_grad():
            return self.rsample(sample_shape, generator=generator)

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{self._name}: the relaxed value has no density in closed form")

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{self._name}: no mean in closed form; average samples")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{self._name}: no variance in closed form; average samples")

    def entropy(self) -> Tensor:
        self._unknown(
            "entropy in closed form; average -log_prob of samples where there is a log_prob"
        )

    def cdf(self, value: Tensor) -> Tensor:
        self._unknown("cdf in closed form; count samples")

    def icdf(self, value: Tensor) -> Tensor:
        self._unknown("quantiles in closed form; sort samples")

    @property
    def mode(self) -> Tensor:
        self._unknown("mode in closed form")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        self._unknown(
            "support that is listed; discrete() is the law of the hard value, where it has a name"
        )

    def _unknown(self, what: str) -> NoReturn:
        raise NotImplementedError(f"{self._name}: no {what}")

    def _accepted(self, value: Tensor, what: str = "log_prob", *, inside: bool = True) -> Tensor:
        """Convert the value at which a density or the like is evaluated to real numbers.

        Args:
            value: of any real dtype.
            what: name of the method, for an error.
            inside: whether it must be in the support, where arguments are validated.

        Raises:
            InputError: it is not a tensor.
        """
        if not isinstance(value, Tensor):
            raise InputError(f"{self._name}: {what} takes a tensor; got {type(value).__name__}")
        if inside and self._validate_args:
            self._validate_sample(value)
        return value if value.is_floating_point() else value.to(self._first.dtype)

    def _validate_sample(self, value: Tensor) -> None:
        if not readable(value):
            return
        if self.support is constraints.simplex and value.dtype in (torch.bfloat16, torch.float16):
            # torch allows the sum an error of 1e-6, and 16 bits cannot have so small a one.
            wide = widened(value)
            total = wide.sum(-1, keepdim=True)
            rounded = (total - 1).abs() <= torch.finfo(value.dtype).eps * value.shape[-1]
            value = torch.where(rounded, wide / total, wide)
        super()._validate_sample(value)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        arguments: dict[str, Any] = {option: getattr(self, option) for option in self.options}
        for name in self.arg_constraints:
            tensor = getattr(self, name)
            own = tensor.shape[len(self.batch_shape) :]
            arguments[name] = tensor.expand(torch.Size(batch_shape) + own)
        return self._alias(type(self)(**arguments, validate_args=False))

    def _alias(self, new: Self) -> Self:
        """Give the new one this one's dtype and validation, which its constructor does not take."""
        new._validate_args, new.dtype = self._validate_args, self.dtype
        return new

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def _first(self) -> Tensor:
        tensor: Tensor = getattr(self, next(iter(self.arg_constraints)))
        return tensor


def readable(value: Tensor) -> bool:
    """Check whether a tensor has values that Python can look at.

    It has none if it is empty or on the meta device, and under torch's compiler and transforms.
    """
    return value.numel() > 0 and not (value.is_meta or traced())


def check(owner: str, name: str, constraint: constraints.Constraint, value: Tensor) -> None:
    """Check a value against a constraint, if it is readable.

    Raises:
        InputError: it violates the constraint; the message names the argument.
    """
    if not readable(value):
        return
    # A finite sum has no NaN in it: the common case takes two short operations.
    if constraint in (constraints.real, constraints.real_vector) and value.sum().isfinite():
        return
    good = constraint.check(value)
    if not good.all():
        first = value[~good][0].tolist()
        raise InputError(f"{owner}: {name} must satisfy {constraint}; got {first}")


def logits_of(
    owner: Relaxation,
    probs: Tensor | float | None,
    logits: Tensor | float | None,
    *,
    binary: bool = True,
    validate_args: bool | None = None,
) -> Tensor:
    """Compute logits from exactly one of the two.

    They are log-odds if binary, else log p normalised over the last axis, where −inf masks a
    category.

    Raises:
        InputError: both or neither were given, or a value is out of range.
    """
    name = type(owner).__name__
    if (probs is None) == (logits is None):
        raise InputError(f"{name}: give either probs or logits")
    validate = owner._validate_args if validate_args is None else validate_args
    given = logits if probs is None else probs
    assert isinstance(given, Tensor)  # `_enter` has made it one
    if not binary and given.ndim == 0:
        raise InputError(
            f"{name}: {'logits' if probs is None else 'probs'} needs rank >= 1; got a number"
        )
    if probs is not None:
        if validate:
            check(name, "probs", constraints.unit_interval, given)
        given = probs_to_logits(given, is_binary=True) if binary else log_clamped(given)
    elif validate and not binary:  # others are checked as they are
        check(name, "logits", constraints.real, given)
    return given if binary else log_softmax(given).clamp_min(_MASKED)


def is_integer(value: Any) -> bool:
    """Tell whether a value is a whole number, of Python's or another kind, other than a truth
    value.
    """
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Tell whether a value is a real number, other than a tensor, which might require a
    gradient.
    """
    return isinstance(value, numbers.Real)


def is_masked(logits: Tensor) -> Tensor:
    """Mark the categories whose logits from `logits_of` stand for −inf."""
    return logits <= _MASKED / 2


def choice(owner: Relaxation, name: str, value: str, known: Sequence[str]) -> str:
    """Return `value` if it is one of the known ones.

    Raises:
        InputError: it is another.
    """
    if value not in known:
        raise InputError(
            f"{type(owner).__name__}: {name} must be one of {', '.join(known)}; got {value!r}"
        )
    return value


def quantile(law: Relaxation, value: Tensor) -> Tensor:
    """Quantile z, P(z' ≤ z) = value, on [0, 1] where the sample grows with its noise; exact at 0
    and 1.

    Raises:
        InputError: a value is not a probability.
    """
    value = law._accepted(value, "icdf", inside=False)
    if law._validate_args:
        check(law._name, "value", constraints.unit_interval, value)
    return between_ends(value, law.from_noise(value))


def gaussian_log_prob(law: MultivariateNormal, x: Tensor) -> Tensor:
    """Log density at x, in the wider of two precisions; also of an empty batch, where torch's
    divides by zero.
    """
    if not x.numel():
        return x.sum(-1)
    dtype = torch.promote_types(x.dtype, law.loc.dtype)
    out: Tensor = cast(law, dtype).log_prob(x.to(dtype))
    return out


def cast(law: L, dtype: torch.dtype) -> L:
    """Copy a distribution with its parameters in this dtype; its samples keep theirs."""
    new = copy.copy(law)
    for name, value in vars(law).items():
        if isinstance(value, Tensor) and value.is_floating_point():
            setattr(new, name, value.to(dtype))
        elif isinstance(value, Distribution):
            setattr(new, name, cast(value, dtype))
    return new


def precision(*laws: Distribution) -> torch.dtype:
    """The widest of their parameters' dtypes, at least float32."""
    # Not by name: asked for the parameter that it was not given, a law computes and keeps it.
    held = [value for law in laws for value in vars(law).values() if isinstance(value, Tensor)]
    return reduce(
        torch.promote_types, (t.dtype for t in held if t.is_floating_point()), torch.float32
    )


def _real(owner: str, name: str, value: Any) -> Tensor | float:
    """A dense tensor of real numbers, or one number."""
    if isinstance(value, numbers.Real):
        return float(value)
    try:
        # `as_tensor` would take a tensor to the default device.
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        tensor = None
    if tensor is None or tensor.is_complex() or tensor.layout != torch.strided:
        kind = type(value).__name__ if tensor is None else f"{tensor.dtype}, {tensor.layout}"
        raise InputError(
            f"{owner}: {name} must be a dense tensor of real numbers, or a number; got {kind}"
        )
    return tensor


def register_kl(
    p: type[P], q: type[Q]
) -> Callable[[Callable[[P, Q], Tensor]], Callable[[P, Q], Tensor]]:
    """Register a KL as torch's decorator of this name does, but of two precisions, and of empty
    batches too.

    torch's own distributions divide by zero where a batch is empty.
    """

    def decorate(function: Callable[[P, Q], Tensor]) -> Callable[[P, Q], Tensor]:
        def of(p: P, q: Q) -> Tensor:
            batch = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
            if not batch.numel():
                return _nothing(p, q).expand(batch)
            dtype = precision(p, q)
            return function(cast(p, dtype), cast(q, dtype))

        torch_kl.register_kl(p, q)(of)
        return function

    return decorate


def _nothing(*laws: Distribution) -> Tensor:
    """Zero, in the graph of the distributions' parameters, which are empty."""
    return torch.stack(
        [getattr(law, name).sum() for law in laws for name in law.arg_constraints]
    ).sum()
