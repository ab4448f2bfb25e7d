"""How likely claims of an abstract are to be decided by so many seeds, before anything is run."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax import claims
from reinrelax.claims import findings, model
from reinrelax.claims.evidence import Evidence
from reinrelax.claims.model import Claim, Minimum
from reinrelax.config.load import Config

REPEATS = 50
_CLAIMS, _FINDINGS = Path("report/claims"), Path("report/findings.yaml")


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
    anywhere = replace(claim, minimum=Minimum({}, 0, {}))
    lines = [{"estimator": m, "latent": p, "seed": 0, "diverged": False, claim.metric: 0.0} for m, p in cells]
    plan = pd.DataFrame(lines)[["estimator", "latent"]].assign(state="done", message="", planned_seeds=1)
    shares = []
    for equal, wanted in ((False, model.REPRODUCED), (True, model.NOT_REPRODUCED)):
        generator, there = np.random.default_rng(0), Evidence(pd.DataFrame(lines), plan)
        found = 0
        for _ in range(repeats):
            for cell in cells:
                printed = claim.printed[cell]
                values = generator.normal(0.0 if equal else printed.mean, printed.std, size=seeds)
                there.hold(cell, claim.metric, dict(enumerate(values.tolist())))
            found += claims.judge(anywhere, there).verdict == wanted
        shares.append(found / repeats)
    return Power(claim, *shares)


def headlines(root: Path) -> list[Claim]:
    """The claims on Tables 2 and 3 that an abstract or a conclusion makes."""
    stated = claims.load(root / _CLAIMS, claims.SCHEMAS, root)
    found = findings.load(root / _FINDINGS, stated, {})
    wanted = {name for finding in found if finding.headline for name in finding.claims}
    return [
        claim for claim in stated if claim.id in wanted and claim.subject == "trainings" and claim.printed
    ]


def describe(config: Config, root: Path) -> str:
    """In words, what the planned seeds can decide; empty where Tables 2 and 3 are not planned."""
    if "elbo" not in config.trainings:
        return ""
    planned = config.trainings["elbo"]
    found = headlines(root)
    if not found:
        return ""
    seeds, asked = len(planned.seeds), found[0].minimum
    short = [
        f"{getattr(planned, key):,} {key} (asked for: {asked.exact[key]:,})"
        for key in ("epochs", "draws")
        if getattr(planned, key) != asked.exact[key]
    ]
    if seeds < asked.seeds:
        short.append(f"{seeds} seeds (asked for: at least {asked.seeds})")
    if short:
        return f"Tables 2 and 3 decide nothing at the scale {config.scale}: {', '.join(short)}."
    places = {(name, str(shape)) for name, shape in planned.settings}
    if not (found := [claim for claim in found if places >= set(claim.cells)]):
        return ""
    words = [
        f"What {seeds} seeds decide, by {REPEATS} simulated experiments with the printed spreads "
        "(reproduced if the printed means are true; not reproduced if nothing differs):"
    ]
    for claim in found:
        likely = power(claim, seeds)
        words.append(f"  {claim.id:17} {likely.reproduced:4.0%}  {likely.refuted:4.0%}  {claim.statement}")
    return "\n".join(words)
