"""Power analysis: how likely the planned seeds decide the claims of an abstract, before any run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax import claims
from reinrelax.claims import findings, model
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.measured import Measurements
from reinrelax.claims.model import Claim, Floats, Minimum
from reinrelax.config.load import Config
from reinrelax.core import stats

REPEATS = 50
SHAPES = ("8x4", "8x16", "4x24")  # latent shapes of Figure 2
_CLAIMS, _FINDINGS = Path("report/claims"), Path("report/findings.yaml")
_CURVE = Path("report/reference/authors_figure2.csv")

# β, and the mean and standard deviation over seeds at each β.
Curve = tuple[Floats, Floats, Floats]


@dataclass(frozen=True)
class Power:
    """Shares of simulated experiments that decide a claim.

    Attributes:
        claim: the claim that was judged.
        reproduced: the share in which it is reproduced, if the printed means are the true ones.
        refuted: the share in which it is not reproduced, if estimators do not differ.
    """

    claim: Claim
    reproduced: float
    refuted: float


def power(claim: Claim, seeds: int, repeats: int = REPEATS) -> Power:
    """Judge a claim on trainings with simulated seeds, normal with printed means and spreads.

    Seeds of different estimators are drawn independently. If a seed affects estimators alike,
    pairing increases the power.

    Args:
        claim: a claim whose methods and places all have printed numbers with errors.
        seeds: the number of seeds per cell.
        repeats: the number of simulated experiments.
    """
    cells = claim.cells
    lines = [
        {"estimator": m, "latent": p, "seed": 0, "diverged": False, claim.metric: 0.0}
        for m, p in cells
    ]
    plan = pd.DataFrame(lines)[["estimator", "latent"]].assign(state="done", message="")
    there = Evidence(pd.DataFrame(lines), plan)

    def draw(generator: np.random.Generator, equal: bool) -> Evidence:
        for cell in cells:
            printed = claim.printed[cell]
            values = generator.normal(0.0 if equal else printed.mean, printed.std, size=seeds)
            there.hold(cell, claim.metric, dict(enumerate(values.tolist())))
        return there

    return _simulated(claim, draw, repeats)


def along_curve(claim: Claim, seeds: int, curve: Curve, repeats: int = REPEATS) -> Power:
    """Judge a claim on Figure 2 with simulated seeds along a curve over β.

    Seeds are normal with the curve's means and spreads.

    Args:
        claim: a claim on a table of Figure 2; the curve is the same at each of its latent shapes.
        seeds: the number of seeds per β and shape.
        curve: values of β with means and standard deviations.
        repeats: the number of simulated experiments.
    """
    assert claim.query is not None
    query, (betas, means, stds) = claim.query, curve
    shapes = SHAPES if "latent" in query.each else [str(query.where["latent"])]
    rows = pd.DataFrame(
        [{**query.where, "latent": shape, "beta": beta} for shape in shapes for beta in betas]
    ).assign(seeds=seeds)
    job = {
        "job": "beta",
        "experiment": "beta",
        "state": "done",
        "message": "",
        "estimator": "",
        "latent": "",
    }

    def draw(generator: np.random.Generator, equal: bool) -> Measurements:
        at = np.where(equal, means.mean(), means)
        values = generator.normal(
            np.tile(at, len(shapes)), np.tile(stds, len(shapes)), (seeds, len(rows))
        )
        mean, low, high, _ = stats.mean_intervals(values.T)
        table = rows.assign(mean=mean, ci_low=low, ci_high=high)
        return Measurements({query.table: table}, {}, {query.table: "beta"}, pd.DataFrame([job]))

    return _simulated(claim, draw, repeats)


def _simulated(
    claim: Claim, draw: Callable[[np.random.Generator, bool], Evidence | Measurements], repeats: int
) -> Power:
    """Return the power in `repeats` simulated experiments, always from the same random seed.

    Args:
        draw: returns the evidence of one experiment: as printed, or without any difference if its
            second argument is true.
    """
    anywhere = replace(claim, minimum=Minimum({}, 0, {}))
    shares = []
    for equal, wanted in ((False, model.REPRODUCED), (True, model.NOT_REPRODUCED)):
        generator = np.random.default_rng(0)
        found = [claims.judge(anywhere, draw(generator, equal)).verdict for _ in range(repeats)]
        shares.append(found.count(wanted) / repeats)
    return Power(claim, *shares)


def curves(root: Path) -> Mapping[str, Curve]:
    """Return by table the curve over β assumed for Figure 2.

    It is the authors' own curve, of five seeds at 8x4, since Figure 2 prints no numbers. The
    authors' curve is that of the formula as run, which has a cliff at ½ and its minimum just above
    it. The curve of the formula as printed is assumed to rise on both sides of ½ as the authors'
    curve does beyond its minimum.
    """
    table = pd.read_csv(root / _CURVE)
    betas, means, stds = (
        table[name].to_numpy(dtype=float) for name in ("beta", "train_mean", "train_sd")
    )
    lowest = int(means.argmin())
    # Steps from ½, and the same number of steps from the minimum, up to the end of the curve.
    away = np.rint(np.abs(betas - 0.5) / (betas[1] - betas[0])).astype(int)
    beyond = np.minimum(lowest + away, len(betas) - 1)
    return {"figure2_run": (betas, means, stds), "figure2": (betas, means[beyond], stds[beyond])}


def headlines(root: Path) -> list[Claim]:
    """Return the claims of abstract and conclusion on Tables 2 and 3, and on Figure 2.

    Those on Figure 2 are on the formula as printed and as run.
    """
    stated = claims.load(root / _CLAIMS, claims.SCHEMAS, root)
    found = findings.load(root / _FINDINGS, stated)
    wanted = {name for finding in found if finding.headline for name in finding.claims}
    return [
        claim for claim in stated if claim.id in wanted and (_is_trained(claim) or _is_curve(claim))
    ]


def describe(config: Config, root: Path) -> str:
    """Describe what the planned seeds can decide; empty if no table or figure is planned."""
    found, plotted = headlines(root), curves(root)
    parts = [
        _described(
            config,
            "elbo",
            "Tables 2 and 3",
            filter(_is_trained, found),
            "the printed spreads",
            power,
        )
    ]
    for experiment, table in (("beta", "figure2"), ("beta-run", "figure2_run")):
        own = [claim for claim in found if claim.query and claim.query.table == table]

        def judged(claim: Claim, seeds: int, curve: Curve = plotted[table]) -> Power:
            return along_curve(claim, seeds, curve)

        name = "Figure 2" + (" as run" if table == "figure2_run" else "")
        parts.append(
            _described(
                config, experiment, name, own, "the spreads of the authors’ curve at 8x4", judged
            )
        )
    return "\n".join(filter(None, parts))


def _described(
    config: Config,
    experiment: str,
    name: str,
    stated: Iterable[Claim],
    spreads: str,
    judged: Callable[[Claim, int], Power],
) -> str:
    """Describe what an experiment's planned seeds can decide; empty if it is not planned.

    Args:
        name: the tables or figure that the claims are on.
        stated: the claims.
        spreads: a description of the simulated spreads.
        judged: returns the power of a claim for a number of seeds.
    """
    found = list(stated)
    if experiment not in config.trainings or not found:
        return ""
    planned, asked = config.trainings[experiment], found[0].minimum
    seeds, least = len(planned.seeds), int(asked.seeds or asked.exact.get("seeds", 0))
    short = [
        f"{getattr(planned, key):,} {key} (required: {asked.exact[key]:,})"
        for key in ("epochs", "draws")
        if key in asked.exact and getattr(planned, key) != asked.exact[key]
    ]
    if seeds < least:
        short.append(f"{seeds} seeds (required: at least {least})")
    if short:
        return f"{name}: the scale {config.scale} decides no claim: {', '.join(short)}."
    places = {(method, str(shape)) for method, shape in planned.settings}
    if not (found := [claim for claim in found if places >= set(claim.cells)]):
        return ""
    words = [
        f"{name}: how likely {seeds} seeds are to decide each claim, from {REPEATS} simulated"
        f" experiments with {spreads} (first column: reproduced, if the printed means are true;"
        " second column: not reproduced, if estimators do not differ):"
    ]
    for claim in found:
        likely = judged(claim, seeds)
        words.append(
            f"  {claim.id:17} {likely.reproduced:4.0%}  {likely.refuted:4.0%}  {claim.statement}"
        )
    return "\n".join(words)


def _is_trained(claim: Claim) -> bool:
    return claim.subject == "trainings" and bool(claim.printed)


def _is_curve(claim: Claim) -> bool:
    """Return whether a claim is on Figure 2, except on the mean of Eq. 26: its curve is unknown."""
    if claim.query is None or claim.query.table not in ("figure2", "figure2_run"):
        return False
    return claim.query.where.get("estimator") in ("ReinMax-RK2", "ReinMax-RK2-run")
