"""The result of training each reading of an ambiguous formula, and the paper's number for it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reinrelax import estimators
from reinrelax.claims import papers
from reinrelax.claims.evidence import Evidence, why_not_tested
from reinrelax.claims.model import METRICS, Claim, Minimum
from reinrelax.core import stats
from reinrelax.estimators import lookup
from reinrelax.results.gather import TrainingResults, last_rows
from reinrelax.results.labels import HYPER, in_words, labels

_OPTIMIZER = ("optimizer", "learning_rate")
_COLUMNS = (
    *(
        "estimator",
        "label",
        "variant_of",
        "equation",
        "latent",
        "settings",
        "epochs",
        "seeds",
        "diverged",
    ),
    *(
        "train",
        "train_low",
        "train_high",
        "test",
        "test_low",
        "test_high",
        "paper_train",
        "paper_test",
    ),
    *("delta_train", "delta_test", "closest", "comparable", "why"),
)
_CURVES = (
    "estimator",
    "label",
    "variant_of",
    "latent",
    "epoch",
    "mean",
    "ci_low",
    "ci_high",
    "seeds",
)


def labelled(gathered: TrainingResults) -> TrainingResults:
    """Add a column `label` to the experiment `readings` that tells settings of estimators apart."""
    rows = gathered.rows
    return TrainingResults(rows.assign(label=labels(rows, (*_OPTIMIZER, *HYPER))), gathered.plan)


def readings(gathered: TrainingResults, claims: Sequence[Claim]) -> pd.DataFrame:
    """Return a row per reading and latent shape; nats per image.

    A reading is compared with the paper's number for the estimator that it is a reading of. It is
    `comparable` if that number could be judged: same images, epochs, batch, draws, optimizer and
    learning rate, and enough seeds. Temperatures may differ, because some readings have more of
    them.

    Args:
        gathered: the result of `labelled`.
        claims: all claims; those about numbers give the paper's values and settings.
    """
    published = {
        (claim.lower[0], claim.places[0], claim.metric): claim
        for claim in claims
        if claim.published
    }
    out = []
    for (latent, label), rows in last_rows(gathered.rows).groupby(["latent", "label"], sort=False):
        first = rows.iloc[0]
        name = str(first["estimator"])
        base = lookup(name).variant_of
        alive = rows[~rows["diverged"].astype(bool)]
        line: dict[str, Any] = {
            **{"estimator": name, "label": label, "variant_of": base or "", "latent": latent},
            "equation": estimators.get(name).equation,
            "settings": in_words(first),
            **{"epochs": first["epochs"], "seeds": len(alive), "diverged": len(rows) - len(alive)},
        }
        for part, metric in zip(("train", "test"), METRICS, strict=True):
            mean = stats.mean_interval(alive[metric])
            claim = published.get((base or name, str(latent), metric))
            paper = claim.published.mean if claim and claim.published else np.nan
            line |= {part: mean.estimate, f"{part}_low": mean.low, f"{part}_high": mean.high}
            line |= {f"paper_{part}": paper, f"delta_{part}": mean.estimate - paper}
        claim = published.get((base or name, str(latent), METRICS[0]))
        line["why"] = _why_not(gathered, rows, claim) if claim else "the paper has no number for it"
        line["comparable"] = not line["why"]
        out.append(line)
    table = pd.DataFrame(out, columns=list(_COLUMNS))
    return table.assign(closest=_closest(table))


def curves(gathered: TrainingResults) -> pd.DataFrame:
    """Return the train negative ELBO of each reading over epochs: means over seeds, intervals."""
    out = []
    for (latent, label), rows in gathered.rows.groupby(["latent", "label"], sort=False):
        wide = rows.pivot_table(index="epoch", columns="run_id", values=METRICS[0], dropna=False)
        name = str(rows["estimator"].iloc[0])
        mean, low, high, count = stats.mean_intervals(wide.to_numpy(dtype=float))
        part: dict[str, Any] = {
            "estimator": name,
            "label": label,
            "variant_of": lookup(name).variant_of or "",
            "latent": latent,
        }
        part |= {"epoch": wide.index, "mean": mean, "ci_low": low, "ci_high": high, "seeds": count}
        out.append(pd.DataFrame(part))
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame(columns=list(_CURVES))


def _why_not(gathered: TrainingResults, rows: pd.DataFrame, claim: Claim) -> str:
    """Say how the runs of a reading differ from those behind the paper's number; empty if not."""
    place = (str(rows["estimator"].iloc[0]), str(rows["latent"].iloc[0]))
    settings = claim.minimum.settings.get((claim.lower[0], place[1]), {})
    own = {name: settings[name] for name in _OPTIMIZER if name in settings}
    minimum = Minimum(claim.minimum.exact, claim.minimum.seeds, {place: own})
    return why_not_tested(Evidence(rows, gathered.plan.iloc[:0]), [place], minimum)


def _closest(table: pd.DataFrame) -> list[bool]:
    """Return whether each reading is the closest to the paper among those of the same estimator.

    Readings with diverged seeds, and those that are not of the papers, do not count.
    """
    base = table["variant_of"].where(table["variant_of"] != "", table["estimator"])
    sound = (
        table["delta_train"]
        .astype(float)
        .abs()
        .where((table["diverged"] == 0) & papers.counted(table))
    )
    lowest = sound.dropna().groupby([base, table["latent"]]).idxmin()
    return table.index.isin(lowest).tolist()
