"""Judging functions that need ranks: the agreement of a whole order, and a gain that grows with size."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy.stats import rankdata

from reinrelax.claims.evidence import Evidence
from reinrelax.claims.margins import by_margin
from reinrelax.claims.model import Claim, Floats, Group, Verdict
from reinrelax.types import LatentShape

# A correlation at its limit counts as within.
_AT_LIMIT = 1e-9
# What the size of a latent space may mean.
SIZES: Mapping[str, Callable[[LatentShape], float]] = {
    "categories": lambda shape: float(shape.categories),
    "latents": lambda shape: float(shape.latents),
    "codes": lambda shape: float(shape.categories * shape.latents),
}


def agrees(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the order of `lower`'s means agrees with the order in which the claim names them."""
    least = claim.number("from")
    return by_margin(
        claim,
        evidence.sample(claim),
        lambda group: spearman(group.lower, group.at)[:, None] - least + _AT_LIMIT,
        f"Spearman’s rank correlation with the printed order is {least:g} or more",
    )


def gains(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether what the first of `lower` is ahead of the first of `higher` grows with the latent space."""
    most, size = claim.number("to"), SIZES[str(claim.parameters["by"])]
    sample = evidence.sample(claim)
    lower, higher = (
        np.stack([getattr(group, side)[:, 0] for group in sample.groups], -1) for side in ("lower", "higher")
    )
    sizes = np.array([size(LatentShape.parse(place)) for place in claim.places])
    whole = replace(sample, groups=[Group(lower, higher, sizes)])
    return by_margin(
        claim,
        whole,
        lambda group: most - spearman(group.lower - group.higher, group.at)[:, None] + _AT_LIMIT,
        f"the rank correlation of the difference with {claim.parameters['by']} is {most:g} or less",
    )


def spearman(values: Floats, order: Floats) -> Floats:
    """Rank correlation of each row of `values` `[S, n]` with `order` `[n]`; NaN where a value is."""
    ranks = rankdata(values, axis=-1)
    wanted = rankdata(order)
    ranks, wanted = ranks - ranks.mean(-1, keepdims=True), wanted - wanted.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (ranks * wanted).sum(-1) / np.sqrt((ranks**2).sum(-1) * (wanted**2).sum())
    return np.where(np.isnan(values).any(-1), np.nan, found)
