"""Learning curves of reinforcement learning: Figure 3, the same over many seeds, and scores."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reinrelax.claims.evidence import Evidence
from reinrelax.core import stats
from reinrelax.core.stats import Floats

# The weight w of the running mean r ← (1 − w) r + w R of Figure 3, which starts at the first
# return.
WEIGHT = 0.01
# The numbers of episodes in the first and the final score.
FIRST, FINAL = 10, 50
# The number of episodes over which the running mean does not rise on a plateau.
STRIDE = 20
SCORES: Mapping[str, str] = {
    "first": f"mean return of the first {FIRST} episodes",
    "final": f"mean return of the last {FINAL} episodes",
    "area": "mean return of all episodes",
    "slope": "slope of a line through the returns, per 100 episodes",
    "running_final": "running mean after the last episode, as Figure 3 plots it",
    "running_linearity": "R² of a line through the running mean",
    "running_drop": "largest fall of the running mean, relative to its range",
    "running_plateaus": (
        f"share of stretches of {STRIDE} episodes in which the running mean does not rise"
    ),
    "roughness": "standard deviation of the returns about a line through them",
}
_PLACE = ("environment", "cap", "algorithm")
_CURVES = (*_PLACE, "curve", "episode", "mean", "ci_low", "ci_high", "iqm", "seeds")
_SUMMARY = (
    *(
        *_PLACE,
        "score",
        "mean",
        "ci_low",
        "ci_high",
        "iqm",
        "iqm_low",
        "iqm_high",
        "seeds",
        "diverged",
    ),
    *("episodes", "paper"),
)
_BETTER = (
    *_PLACE[:2],
    "algorithm",
    "baseline",
    "score",
    "probability",
    "ci_low",
    "ci_high",
    "seeds",
)
_FIGURE3 = (*_PLACE, "seed", "episode", "running", "return", "share", "start", "without_start")
_GRADIENTS = (*_PLACE, "episode", "quantity", "mean", "ci_low", "ci_high", "seeds")
_RESAMPLES = 2000
# The ends of the printed curves of Figure 3, read off to about one unit.
ENDS = Path("report/reference/figure3_ends.csv")


def running_mean(returns: Floats, weight: float = WEIGHT) -> Floats:
    """Return Figure 3's running mean of returns `[..., E]`, which starts at the first return.

    r_e = (1 − w)^e R_0 + w Σ_{i=1..e} (1 − w)^(e − i) R_i, so R_0 still has 13% of the weight after
    200 episodes.
    """
    out = np.array(returns, dtype=np.float64)
    for episode in range(1, out.shape[-1]):
        out[..., episode] = (1 - weight) * out[..., episode - 1] + weight * out[..., episode]
    return out


def wide(episodes: pd.DataFrame) -> dict[tuple[str, int, str], tuple[list[int], Floats]]:
    """Return the seeds `[S]` and returns `[S, E]` by (environment, cap, algorithm).

    Returns are NaN from a divergence on.
    """
    out = {}
    for (environment, cap, algorithm), rows in episodes.groupby(list(_PLACE), sort=False):
        rows = rows.assign(value=rows["return"].where(rows["diverged"] == 0))
        table = rows.pivot_table(index="seed", columns="episode", values="value", dropna=False)
        place = (str(environment), int(str(cap)), str(algorithm))
        out[place] = ([int(seed) for seed in table.index], table.to_numpy(dtype=float))
    return out


def scores(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return a row per agent and seed: `SCORES`, and `diverged`.

    The scores of a diverged seed are NaN.
    """
    found, out = wide(episodes), []
    for (environment, cap, algorithm), (seeds, returns) in found.items():
        own = _scores(returns)
        diverged = (~np.isfinite(returns).all(-1)).astype(int)
        lines = pd.DataFrame({"seed": seeds, "diverged": diverged, **own})
        episodes_run = returns.shape[-1]
        out.append(
            lines.assign(
                environment=environment, cap=cap, algorithm=algorithm, episodes=episodes_run
            )
        )
    columns = [*_PLACE, "seed", "diverged", "episodes", *SCORES]
    return (
        pd.concat(out, ignore_index=True).reindex(columns=columns)
        if out
        else pd.DataFrame(columns=columns)
    )


def evidence(scored: pd.DataFrame, plan: pd.DataFrame) -> Evidence:
    """Return the evidence for claims on learning curves: `scores`, and those of the planned
    jobs.
    """
    runs = scored.assign(
        estimator=scored["algorithm"],
        latent=[f"{row.environment}-{row.cap}" for row in scored.itertuples()],
        diverged=scored["diverged"].astype(bool),
    )
    agents = plan[plan["experiment"] == "rl"]
    latent = agents["job"].str.split("/").str[1]
    return Evidence(runs, agents.assign(estimator=agents["algorithm"], latent=latent))


def curves(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return raw and running returns: means over seeds, 95% bootstrap intervals, and IQMs."""
    out = []
    for place, (_, returns) in wide(episodes).items():
        sound = returns[np.isfinite(returns).all(-1)]
        for curve, values in (("return", sound), ("running", running_mean(sound))):
            low, high = _bootstrap(values)
            part = {
                **dict(zip(_PLACE, place, strict=True)),
                "curve": curve,
                "episode": np.arange(1, values.shape[-1] + 1),
                "mean": values.mean(0) if len(values) else np.nan,
                "ci_low": low,
                "ci_high": high,
                "iqm": _interquartile_mean(values),
                "seeds": len(values),
            }
            out.append(pd.DataFrame(part))
    return (
        pd.concat(out, ignore_index=True)[list(_CURVES)]
        if out
        else pd.DataFrame(columns=list(_CURVES))
    )


def summary(scored: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return means and interquartile means of all scores over seeds, with 95% bootstrap intervals.

    `paper` contains the ends of the printed curves, for the ends of the running means.
    """
    ends = pd.read_csv(root / ENDS)
    printed = {
        (*place, "running_final"): end
        for *place, end in ends[[*_PLACE, "end"]].itertuples(index=False, name=None)
    }
    out = []
    for place, rows in scored.groupby(list(_PLACE), sort=False):
        for score in SCORES:
            values = rows.loc[~rows["diverged"].astype(bool), score].dropna().to_numpy(dtype=float)
            if len(values) == 0:
                continue
            drawn = values[_draws(len(values))]
            line: dict[str, Any] = {**dict(zip(_PLACE, place, strict=True)), "score": score}
            line |= {"mean": values.mean(), "iqm": float(_interquartile_mean(values[:, None])[0])}
            for name, resampled in (("ci", drawn.mean(-1)), ("iqm", _interquartile_mean(drawn.T))):
                interval = stats.percentile_interval(
                    line["iqm" if name == "iqm" else "mean"], resampled
                )
                single = len(values) < 2
                line[f"{name}_low"] = np.nan if single else interval.low
                line[f"{name}_high"] = np.nan if single else interval.high
            # A seed with a flat curve has no score of its shape, but counts as a seed.
            dead = int(rows["diverged"].sum())
            line |= {"seeds": len(rows) - dead, "diverged": dead}
            line["episodes"] = int(rows["episodes"].min())
            line["paper"] = printed.get((*place, score), np.nan)
            out.append(line)
    return pd.DataFrame(out, columns=list(_SUMMARY))


def improvement(scored: pd.DataFrame) -> pd.DataFrame:
    """Return the probability that a run of an agent scores above a run of a baseline.

    Ties count half. It is the share of all pairs of seeds, with a 95% bootstrap interval over the
    seeds of both (Agarwal et al., 2021).
    """
    return pd.DataFrame(list(_improvements(scored)), columns=list(_BETTER))


def figure3(episodes: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return one seed's running mean as the paper plots it, raw returns, and the first one's part.

    `share` is (1 − w)^e, the weight of the first return in the running mean, and `start` is that
    times the return. `without_start` is the mean of all others, with weights in the same
    proportions.
    """
    out = []
    for place, (seeds, returns) in wide(episodes).items():
        if seed in seeds:
            own = returns[seeds.index(seed)]
            episode, running = np.arange(1, len(own) + 1), running_mean(own)
            share = (1 - WEIGHT) ** (episode - 1.0)
            later = np.where(share < 1, 1 - share, np.nan)
            part = {
                **dict(zip(_PLACE, place, strict=True)),
                **{"seed": seed, "episode": episode, "running": running, "return": own},
                **{"share": share, "start": share * own[0]},
                "without_start": (running - share * own[0]) / later,
            }
            out.append(pd.DataFrame(part))
    return (
        pd.concat(out, ignore_index=True)[list(_FIGURE3)]
        if out
        else pd.DataFrame(columns=list(_FIGURE3))
    )


def gradients(measured: pd.DataFrame) -> pd.DataFrame:
    """Return geometric means over seeds of the variances of the agents' gradients during training.

    Quantities: `variance`, and `ratio`, the variance over that of REINFORCE's estimate from the
    same episodes and parameters. Intervals are Student's, for the logarithms.
    """
    out = []
    for place, rows in measured.groupby([*_PLACE, "episode"], sort=False):
        table = rows.pivot_table(index="seed", columns="quantity", values="value")
        if not {"variance", "variance_reinforce"} <= set(table):
            continue
        quantities = {
            "variance": table["variance"],
            "ratio": table["variance"] / table["variance_reinforce"],
        }
        for quantity, values in quantities.items():
            sound = values[np.isfinite(values) & (values > 0)]
            mean = stats.mean_interval(np.log(sound))
            line = {**dict(zip((*_PLACE, "episode"), place, strict=True)), "quantity": quantity}
            ends = {"mean": mean.estimate, "ci_low": mean.low, "ci_high": mean.high}
            out.append(
                {**line, **{k: float(np.exp(v)) for k, v in ends.items()}, "seeds": len(sound)}
            )
    return pd.DataFrame(out, columns=list(_GRADIENTS))


def _scores(returns: Floats) -> dict[str, Floats]:
    """Return all scores of returns `[S, E]`, `[S]` each."""
    count = returns.shape[-1]
    running = running_mean(returns)
    episode = np.arange(count, dtype=float)
    centred = episode - episode.mean()
    slope = (
        (returns @ centred) / (centred @ centred) if count > 1 else np.full(len(returns), np.nan)
    )
    residual = returns - returns.mean(-1, keepdims=True) - slope[:, None] * centred
    fall = np.maximum.accumulate(running, -1) - running
    # A flat curve has no fall and no line: its range is rounding error.
    span = running.max(-1) - running.min(-1)
    span = np.where(span > 1e-9 * np.abs(running).max(-1), span, np.nan)
    steps = running[:, STRIDE::STRIDE] - running[:, :-STRIDE:STRIDE]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "first": returns[:, :FIRST].mean(-1),
            "final": returns[:, -FINAL:].mean(-1),
            "area": returns.mean(-1),
            "slope": 100 * slope,
            "running_final": running[:, -1],
            "running_linearity": np.where(np.isnan(span), np.nan, _linearity(running, centred)),
            "running_drop": fall.max(-1) / span,
            "running_plateaus": (
                (steps <= 0).mean(-1) if steps.shape[-1] else np.full(len(returns), np.nan)
            ),
            "roughness": residual.std(-1),
        }


def _linearity(values: Floats, centred: Floats) -> Floats:
    """Return R² of the least-squares line through values `[S, E]` at centred positions `[E]`."""
    total = values - values.mean(-1, keepdims=True)
    explained = (total @ centred) ** 2 / (centred @ centred)
    out: Floats = explained / (total**2).sum(-1)
    return out


def _improvements(scored: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (environment, cap), rows in scored.groupby(["environment", "cap"], sort=False):
        groups = {name: own for name, own in rows.groupby("algorithm", sort=False)}
        for name, baseline in (
            (a, b) for a in groups for b in ("REINFORCE", "A2C") if b in groups and a != b
        ):
            for score in ("final", "area"):
                one, other = (
                    groups[n].loc[~groups[n]["diverged"].astype(bool), score].to_numpy(dtype=float)
                    for n in (name, baseline)
                )
                if len(one) == 0 or len(other) == 0:
                    continue
                above = (one[:, None] > other) + 0.5 * (one[:, None] == other)
                probability = float(above.mean())
                line = {
                    "environment": environment,
                    "cap": cap,
                    "algorithm": name,
                    "baseline": baseline,
                }
                line |= {
                    "score": score,
                    "probability": probability,
                    "seeds": min(len(one), len(other)),
                }
                if min(len(one), len(other)) > 1:
                    first, second = _times(len(one)), _times(len(other), seed=1)
                    drawn = np.einsum("ri,ij,rj->r", first, above, second, optimize=True)
                    drawn /= above.size
                    interval = stats.percentile_interval(probability, drawn)
                    line |= {"ci_low": interval.low, "ci_high": interval.high}
                yield line


def _bootstrap(values: Floats) -> tuple[Floats, Floats]:
    """Return 95% percentile intervals of means of curves `[S, E]` over seeds, `[E]` each."""
    if len(values) < 2:
        nothing = np.full(values.shape[-1], np.nan)
        return nothing, nothing
    means = np.stack([values[drawn].mean(0) for drawn in _draws(len(values))])
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _draws(count: int, seed: int = 0) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return np.random.default_rng(seed).integers(count, size=(_RESAMPLES, count))


def _times(count: int, seed: int = 0) -> Floats:
    """Return how often each of `count` values is drawn in each resample, `[resamples, count]`."""
    drawn = _draws(count, seed)
    times: Floats = (drawn[:, :, None] == np.arange(count)).sum(1).astype(np.float64)
    return times


def _interquartile_mean(values: Floats) -> Floats:
    """Return the mean of `[S, ...]` over seeds, without the lowest and the highest quarter."""
    if len(values) == 0:
        return np.full(values.shape[1:], np.nan)
    cut = len(values) // 4
    out: Floats = np.sort(values, 0)[cut : len(values) - cut].mean(0)
    return out
