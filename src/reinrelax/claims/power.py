"""How likely claims of an abstract are to be decided by so many seeds, before anything is run."""

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
SHAPES = ("8x4", "8x16", "4x24")  # of Figure 2
_CLAIMS, _FINDINGS = Path("report/claims"), Path("report/findings.yaml")
_CURVE = Path("report/reference/authors_figure2.csv")

# β, and at each a mean and a standard deviation over seeds.
Curve = tuple[Floats, Floats, Floats]


@dataclass(frozen=True)
class Power:
    """Shares of simulated experiments.

    Attributes:
        claim: what was judged.
        reproduced: in which it is, if the printed means are the true ones.
        refuted: in which it is not, if there is no difference between estimators.
    """

    claim: Claim
    reproduced: float
    refuted: float


def power(claim: Claim, seeds: int, repeats: int = REPEATS) -> Power:
    """Judge a claim on trainings by simulated seeds, normal with the printed means and spreads.

    Seeds of different estimators are independent here; where a seed moves them alike, pairing tells more.

    Args:
        claim: all its methods and places have printed numbers with their errors.
        seeds: of each cell.
        repeats: how many experiments.
    """
    cells = claim.cells
    lines = [{"estimator": m, "latent": p, "seed": 0, "diverged": False, claim.metric: 0.0} for m, p in cells]
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
    """Judge a claim on Figure 2 by simulated seeds, normal with the means and spreads of a curve over β.

    Args:
        claim: on a table of Figure 2; at each of its latent shapes the curve is the same.
        seeds: of each β and shape.
        curve: β to mean and standard deviation.
        repeats: how many experiments.
    """
    assert claim.query is not None
    query, (betas, means, stds) = claim.query, curve
    shapes = SHAPES if "latent" in query.each else [str(query.where["latent"])]
    rows = pd.DataFrame(
        [{**query.where, "latent": shape, "beta": beta} for shape in shapes for beta in betas]
    ).assign(seeds=seeds)
    job = {"job": "beta", "experiment": "beta", "state": "done", "message": "", "estimator": "", "latent": ""}

    def draw(generator: np.random.Generator, equal: bool) -> Measurements:
        at = np.where(equal, means.mean(), means)
        values = generator.normal(np.tile(at, len(shapes)), np.tile(stds, len(shapes)), (seeds, len(rows)))
        mean, low, high, _ = stats.mean_intervals(values.T)
        table = rows.assign(mean=mean, ci_low=low, ci_high=high)
        return Measurements({query.table: table}, {}, {query.table: "beta"}, pd.DataFrame([job]))

    return _simulated(claim, draw, repeats)


def _simulated(
    claim: Claim, draw: Callable[[np.random.Generator, bool], Evidence | Measurements], repeats: int
) -> Power:
    """The shares of so many experiments, from the same seed.

    Args:
        draw: what a claim is judged by, of an experiment as printed or of one in which nothing differs.
    """
    anywhere = replace(claim, minimum=Minimum({}, 0, {}))
    shares = []
    for equal, wanted in ((False, model.REPRODUCED), (True, model.NOT_REPRODUCED)):
        generator = np.random.default_rng(0)
        found = [claims.judge(anywhere, draw(generator, equal)).verdict for _ in range(repeats)]
        shares.append(found.count(wanted) / repeats)
    return Power(claim, *shares)


def curves(root: Path) -> Mapping[str, Curve]:
    """By table, the curve over β that Figure 2 is planned by: the authors’ own, of five seeds at 8x4.

    Figure 2 prints no number. The authors’ curve is of the formula as run, which has a cliff at ½ and is
    lowest just above it. For the formula as printed it is taken to rise on both sides of ½ as the authors’
    does from its lowest point on.
    """
    table = pd.read_csv(root / _CURVE)
    betas, means, stds = (table[name].to_numpy(dtype=float) for name in ("beta", "train_mean", "train_sd"))
    lowest = int(means.argmin())
    # Steps from ½, and as many from the lowest point, as far as there are some.
    away = np.rint(np.abs(betas - 0.5) / (betas[1] - betas[0])).astype(int)
    beyond = np.minimum(lowest + away, len(betas) - 1)
    return {"figure2_run": (betas, means, stds), "figure2": (betas, means[beyond], stds[beyond])}


def headlines(root: Path) -> list[Claim]:
    """The claims of abstract and conclusion on Tables 2 and 3, and on Figure 2 as printed and as run."""
    stated = claims.load(root / _CLAIMS, claims.SCHEMAS, root)
    found = findings.load(root / _FINDINGS, stated)
    wanted = {name for finding in found if finding.headline for name in finding.claims}
    return [claim for claim in stated if claim.id in wanted and (_is_trained(claim) or _is_curve(claim))]


def describe(config: Config, root: Path) -> str:
    """In words, what the planned seeds can decide; empty where neither tables nor figure are planned."""
    found, plotted = headlines(root), curves(root)
    parts = [
        _described(config, "elbo", "Tables 2 and 3", filter(_is_trained, found), "the printed spreads", power)
    ]
    for experiment, table in (("beta", "figure2"), ("beta-run", "figure2_run")):
        own = [claim for claim in found if claim.query and claim.query.table == table]

        def judged(claim: Claim, seeds: int, curve: Curve = plotted[table]) -> Power:
            return along_curve(claim, seeds, curve)

        name = "Figure 2" + (" as run" if table == "figure2_run" else "")
        parts.append(
            _described(config, experiment, name, own, "the spreads of the authors’ curve at 8x4", judged)
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
    """In words, what the planned seeds of an experiment decide; empty where it is not planned.

    Args:
        name: of what the claims are on.
        stated: the claims.
        spreads: what is simulated, in words.
        judged: from a claim and a number of seeds.
    """
    found = list(stated)
    if experiment not in config.trainings or not found:
        return ""
    planned, asked = config.trainings[experiment], found[0].minimum
    seeds, least = len(planned.seeds), int(asked.seeds or asked.exact.get("seeds", 0))
    short = [
        f"{getattr(planned, key):,} {key} (asked for: {asked.exact[key]:,})"
        for key in ("epochs", "draws")
        if key in asked.exact and getattr(planned, key) != asked.exact[key]
    ]
    if seeds < least:
        short.append(f"{seeds} seeds (asked for: at least {least})")
    if short:
        return f"{name}: nothing is decided at the scale {config.scale}: {', '.join(short)}."
    places = {(method, str(shape)) for method, shape in planned.settings}
    if not (found := [claim for claim in found if places >= set(claim.cells)]):
        return ""
    words = [
        f"{name}: what {seeds} seeds decide, by {REPEATS} simulated experiments with {spreads} "
        "(reproduced if its means are true; not reproduced if nothing differs):"
    ]
    for claim in found:
        likely = judged(claim, seeds)
        words.append(f"  {claim.id:17} {likely.reproduced:4.0%}  {likely.refuted:4.0%}  {claim.statement}")
    return "\n".join(words)


def _is_trained(claim: Claim) -> bool:
    return claim.subject == "trainings" and bool(claim.printed)


def _is_curve(claim: Claim) -> bool:
    """Whether it is on Figure 2, but by the mean of Eq. 26, of which no curve is known."""
    if claim.query is None or claim.query.table not in ("figure2", "figure2_run"):
        return False
    return claim.query.where.get("estimator") in ("ReinMax-RK2", "ReinMax-RK2-run")
