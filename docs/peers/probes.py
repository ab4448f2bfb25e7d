"""All probes of a distribution or function: what each found, and whether it is right.

A probe that raises is wrong, and the class of the error is what was found.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.distributions import Distribution

from docs.peers import laws, samples, transforms
from docs.peers.cases import Pair, Side
from docs.peers.outcome import Outcome, Probe, holds
from reinrelax.display.comparison import DIFFERS, NOTHING, agreement
from reinrelax.display.table_blocks import to_float
from reinrelax.display.text_format import significant
from reinrelax.experiments.library import checks
from reinrelax.experiments.library.page import HOLDS, WORDS

# Checks of the study that have a probe here.
_ELSEWHERE = ("pyro", "validated", "log_prob", "log_prob_shape")


def outcomes(pair: Pair, side: Side) -> dict[str, Outcome]:
    """Return the outcomes of all probes that apply to a pair, by what is probed."""
    found = dict(_checked(pair, side)) if side.subject else {}
    for name, probe in PROBES.items():
        found[name] = _guarded(probe, pair, side)
    return found


def _guarded(probe: Probe, pair: Pair, side: Side) -> Outcome:
    validates = Distribution._validate_args
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return probe(pair, side)
    except Exception as error:
        return Outcome(f"no: {type(error).__name__}", False)
    finally:
        # Torch's compiler turns checks off when it is first used.
        Distribution.set_default_validate_args(validates)


def _checked(pair: Pair, side: Side) -> Iterator[tuple[str, Outcome]]:
    """Yield the checks of the study `library`."""
    assert pair.case is not None
    assert side.subject is not None
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [*checks.rows(side.subject, pair.case, laws.draws(pair, side))]
    for row in rows:
        name = str(row["check"])
        if name not in _ELSEWHERE:
            yield WORDS[name], _as_outcome(row)


def _as_outcome(row: Mapping[str, Any]) -> Outcome:
    mark = agreement(row)
    if "raised" in row or mark is NOTHING:
        return Outcome(f"no: {row['raised']}" if "raised" in row else "no", False)
    right = mark is not DIFFERS
    if row["check"] in HOLDS:
        return holds(right)
    value, expected = (to_float(row[name]) for name in ("value", "expected"))
    return Outcome(f"{significant(value)} for {significant(expected)}", right)


#: The probes by what they probe.
PROBES: dict[str, Probe] = {
    "log_prob of its own sample, one number per element": laws.only_laws(laws.density),
    "entropy": laws.only_laws(laws.entropy),
    f"P(z ≤ {laws.MIDDLE}), by the cdf": laws.only_laws(laws.cdf),
    f"{laws.QUANTILE:.0%} quantile, by icdf": laws.only_laws(laws.icdf),
    "rejects NaN as parameter and as value": laws.only_laws(laws.rejects),
    "pickle and deepcopy": laws.only_laws(laws.copied),
    "pyro.sample, with Pyro’s mixin": laws.only_laws(laws.pyro_sample),
    "rare value in bfloat16": samples.rare,
    "masked category": samples.masked,
    "transposed and expanded parameters": samples.layouts,
    "a τ per element of the batch": samples.temperatures,
    "gradient of τ": samples.learned,
    "mean gradient, by enumeration": samples.gradient,
    "torch.func.grad": transforms.functional,
    "torch.vmap": transforms.drawing(transforms.mapped),
    "torch.vmap, noise given": transforms.of_noise(transforms.mapped),
    "torch.compile(fullgraph=True)": transforms.drawing(transforms.compiled),
    "torch.compile(fullgraph=True), noise given": transforms.of_noise(transforms.compiled),
}
