"""Checks and completes the arguments of an estimator's call."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from reinrelax.errors import InputError
from reinrelax.estimators.hyperparameters import HYPERPARAMETERS

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def completed(
    owner: str,
    names: Sequence[str],
    logits: Tensor,
    hyper: Mapping[str, Any],
    validate_args: bool | None,
) -> dict[str, Any]:
    """Add default hyper-parameters, and give tensors among them a replica axis.

    Types and names are always checked, at no cost. Checking values makes the host wait for the
    device once, and once more per hyper-parameter that is a tensor.

    Args:
        owner: the name of the estimator, for error messages.
        names: the names of its hyper-parameters.
        logits: `[..., C]`.
        hyper: the given hyper-parameters.
        validate_args: whether to check values; if None, the default of torch's distributions.

    Raises:
        InputError: the logits have an invalid type or value, or a hyper-parameter is unknown or out
            of range; the message names the argument, its value and the allowed ones.
    """
    validate = Distribution._validate_args if validate_args is None else validate_args
    _check_kind(owner, logits)
    if validate and not logits.is_meta:
        _check_values(owner, logits.detach())
    if unknown := set(hyper) - set(names):
        raise InputError(
            f"{owner}: unknown hyper-parameter {sorted(unknown)[0]!r}; it takes"
            f" {', '.join(names) or 'none'}"
        )
    values = {
        name: HYPERPARAMETERS[name].plain(hyper.get(name, HYPERPARAMETERS[name].default))
        for name in names
    }
    if validate:
        for name, value in values.items():
            _check(owner, name, value, logits)
    return {k: v[None] if isinstance(v, Tensor) and v.ndim else v for k, v in values.items()}


def _check_kind(owner: str, logits: Tensor) -> None:
    if (
        not isinstance(logits, Tensor)
        or logits.dtype not in _DTYPES
        or logits.layout != torch.strided
        or logits.ndim == 0
    ):
        kind = (
            f"{logits.dtype} of rank {logits.ndim}, {logits.layout}"
            if isinstance(logits, Tensor)
            else type(logits).__name__
        )
        raise InputError(
            f"{owner}: logits must be a dense floating-point tensor [..., C] of rank >= 1, in 16,"
            f" 32 or 64 bits; got {kind}"
        )
    if logits.shape[-1] < 2:
        raise InputError(
            f"{owner}: needs at least 2 categories on the last axis; got {logits.shape[-1]}"
        )


def _check_values(owner: str, logits: Tensor) -> None:
    # The sum of finite numbers is finite, unless it overflows. The common case needs no more.
    if logits.sum().isfinite() or logits.logsumexp(-1).isfinite().all():
        return
    if torch.isnan(logits).any() or torch.isposinf(logits).any():
        raise InputError(
            f"{owner}: logits hold NaN or +inf. Look upstream for a diverged "
            "network; mask categories with -inf, and leave at least one finite"
        )
    if torch.isneginf(logits).all(-1).any():
        raise InputError(
            f"{owner}: a row of logits is -inf throughout; leave at least one category finite"
        )


def _check(owner: str, name: str, value: Any, logits: Tensor) -> None:
    rule = HYPERPARAMETERS[name]
    if isinstance(value, Tensor) and not rule.integer:
        try:
            value.expand(*logits.shape[:-1], 1)
        except RuntimeError:
            raise InputError(
                f"{owner}: {name} of shape {list(value.shape)} does not broadcast "
                f"to {[*logits.shape[:-1], 1]}"
            ) from None
        known = [] if value.is_meta else value.detach().flatten().tolist()
        problems = [rule.check(v) for v in known]
    else:
        problems = [rule.check(value)]
    if problem := next(filter(None, problems), None):
        raise InputError(f"{owner}: {name} ({rule.meaning}) {problem}")
