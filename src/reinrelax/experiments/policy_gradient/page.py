"""The page's tables of reinforcement learning: Figure 3, scores, comparisons and claims."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from reinrelax.claims.model import WORDS
from reinrelax.display.claim_views import claim_row
from reinrelax.display.table_blocks import (
    Cell,
    Column,
    Table,
    diverged,
    key,
    plain_cell,
    to_float,
    value_cell,
)
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_json
from reinrelax.display.text_format import count, episodes_of, fixed, significant, span
from reinrelax.experiments.policy_gradient.figures import PRINTED
from reinrelax.experiments.policy_gradient.tables import SCORES, WEIGHT

Line = Mapping[str, Any]

_SHOWN = {
    "first": ("First", "episodes 1 to 10"),
    "final": ("Final", "last 50 episodes"),
    "area": ("Area", "mean of all episodes"),
    "slope": ("Slope", "of a line, per 100 episodes"),
    "running_final": ("Running mean", "at the end, as plotted"),
}
_PLACE = ("environment", "cap")


def printed(collected: TableReader) -> list[Table]:
    """Return tables of the first return's part, and of the ends that can be read off the figure."""
    return [*_start(collected), *_claims(collected, "ends", "ends of the printed curves", _is_end)]


def believed(collected: TableReader) -> list[Table]:
    """Return tables of section V's sentences, and of the scores that they are judged by."""
    claims = _claims(
        collected, "sentences", "sentences of section V", lambda claim: not _is_end(claim)
    )
    return [*claims, _scores(collected, PRINTED, "rl-scores"), *_improvement(collected)]


def variants(collected: TableReader) -> list[Table]:
    """Return tables of scores and variances of RELAX and its variants, compared with REINFORCE."""
    names = [line["algorithm"] for line in collected.lines("rl_summary")]
    others = [name for name in dict.fromkeys(names) if name not in PRINTED]
    shown = _scores(collected, ("RELAX", *others) if others else (), "rl-variants-scores")
    return [*_gradients(collected), shown]


def _start(collected: TableReader) -> list[Table]:
    ends: dict[tuple[Any, ...], tuple[Line, Line]] = {}
    for line in collected.lines("rl_figure3"):
        place = tuple(line[name] for name in (*_PLACE, "algorithm"))
        ends[place] = (ends[place][0] if place in ends else line, line)
    rows = [
        [
            _where(last),
            Cell(last["algorithm"]),
            *(
                _returned(to_float(value))
                for value in (first["return"], last["start"], last["running"])
            ),
            _returned(to_float(last["without_start"])),
        ]
        for first, last in ends.values()
        if last["algorithm"] in PRINTED
    ]
    if not rows:
        return []
    last = next(iter(ends.values()))[1]
    caption = (
        f"One run of each agent. Figure 3 plots r ← (1 − w) r + w R, w = {WEIGHT:g}, from the first"
        f" return on: after {count(int(last['episode']), 'episode')}, {to_float(last['share']):.0%}"
        " of r is still that one return. The last column is the mean of all later ones, (r − s)/(1"
        f" − {to_float(last['share']):.2f}), where s is the part of the first."
    )
    columns = [
        *_heads(),
        Column("First return", small="of this run"),
        Column("Its part s", small="of the last point"),
        Column("Running mean r", small="the last point, as plotted"),
        Column("Without it", small="later returns only"),
    ]
    return [Table("rl-start-rows", caption, columns, rows)]


def returns(collected: TableReader) -> Table:
    """Return the table of the scores of all agents."""
    return _scores(
        collected, {line["algorithm"] for line in collected.lines("rl_summary")}, "rl-summary"
    )


def _scores(collected: TableReader, algorithms: Collection[str], name: str) -> Table:
    found: dict[tuple[Any, ...], dict[str, Line]] = {}
    for line in collected.lines("rl_summary"):
        if line["algorithm"] in algorithms:
            place = tuple(line[column] for column in (*_PLACE, "algorithm"))
            found.setdefault(place, {})[line["score"]] = line
    rows = []
    for scores in found.values():
        any_one = scores[min(scores)]
        small = diverged(any_one)
        seeds = Cell(
            fixed(to_float(any_one["seeds"]), 0), small=small, style="warn" if small else ""
        )
        rows.append(
            [
                _where(any_one),
                Cell(any_one["algorithm"]),
                *(_score(scores.get(s)) for s in _SHOWN),
                seeds,
            ]
        )
    columns = [
        *_heads(),
        *(Column(head, small=small) for head, small in _SHOWN.values()),
        Column("Seeds"),
    ]
    caption = (
        "Returns, higher is better: mean over seeds with its 95% bootstrap interval, and below them"
        " the interquartile mean (IQM), without the lowest and the highest quarter of the seeds."
        " First, final, area and slope are of the returns without smoothing."
    )
    return Table(name, caption, columns, rows)


def _improvement(collected: TableReader) -> list[Table]:
    found: dict[tuple[Any, ...], dict[str, Line]] = {}
    for line in collected.lines("rl_improvement"):
        place = tuple(line[name] for name in (*_PLACE, "algorithm", "baseline"))
        found.setdefault(place, {})[line["score"]] = line
    ends = ("probability", "ci_low", "ci_high")
    rows = [
        [
            _where(scores[min(scores)]),
            *map(Cell, place[2:]),
            *(value_cell(scores.get(score), 2, ends) for score in ("final", "area")),
            plain_cell(scores[min(scores)]["seeds"]),
        ]
        for place, scores in found.items()
    ]
    columns = [
        *_heads(),
        Column("Baseline", "text"),
        *(
            Column(f"P, {_SHOWN[score][0].lower()}", small=_SHOWN[score][1])
            for score in ("final", "area")
        ),
        Column("Seeds"),
    ]
    caption = (
        "Probability of improvement: the share of all pairs of a run of the agent and a run of the"
        " baseline in which the agent scores higher, ties counted half, with 95% bootstrap interval"
        " over the seeds of both. ½ means no difference. It refers to single runs; the p of a claim"
        " refers to means over seeds."
    )
    return [Table("rl-improvement-rows", caption, columns, rows)] if rows else []


def _gradients(collected: TableReader) -> list[Table]:
    lines = collected.lines("rl_gradients")
    found = {
        tuple(line[n] for n in (*_PLACE, "algorithm", "quantity", "episode")): line
        for line in lines
    }
    done = sorted({to_float(line["episode"]) for line in lines})
    ends = ("mean", "ci_low", "ci_high")
    rows = [
        [
            _where({"environment": place[0], "cap": place[1]}),
            *(Cell(place[2]), Cell("variance" if place[3] == "variance" else "over REINFORCE’s")),
            *(value_cell(found.get((*place, episode)), 3, ends) for episode in done),
        ]
        for place in dict.fromkeys(known[:4] for known in found)
        if place[2:] != ("REINFORCE", "ratio")
    ]
    columns = [
        *(*_heads(), Column("Quantity", "text")),
        *(Column(f"After {episode:.0f}", small="episodes") for episode in done),
    ]
    caption = (
        "Variance of the actor’s gradient, summed over parameters, from new episodes at fixed"
        " parameters: geometric mean over seeds with 95% interval, and its ratio to that of"
        " REINFORCE’s estimate from the same episodes. A ratio below 1 means that the control"
        " variate helps."
    )
    folded = "Variances and their ratios as numbers"
    return [Table("rl-gradients-rows", caption, columns, rows, folded)] if rows else []


def _claims(
    collected: TableReader, name: str, what: str, wanted: Callable[[Line], bool]
) -> list[Table]:
    claims = read_json(collected.folder / "tables" / "claims.json")
    shown = [claim for claim in claims if claim["subject"] == "learning" and wanted(claim)]
    rows = []
    for claim in shown:
        row = claim_row(claim)
        rows.append(
            [
                Cell(row["statement"], style="prose"),
                Cell(mark=row["mark"], key=f"{WORDS.index(claim['verdict'])}", link=row["anchor"]),
                Cell(SCORES.get(claim["metric"], ""), style="prose"),
                Cell(
                    row["effect"],
                    key(claim["effect"]),
                    small=[row["interval"]] if row["interval"] else (),
                ),
                Cell(row["chances"].removeprefix("p = "), key(claim["holding"])),
                Cell(row["seeds"], small=[row["diverged"]] if row["diverged"] else ()),
            ]
        )
    columns = [
        *(Column("The paper says", "text"), Column("Verdict"), Column("Tested on", "text")),
        *(Column("Effect", small="in units of the score"), Column("p"), Column("Seeds")),
    ]
    caption = (
        f"The {what}, each tested with many seeds. Effect: for a number, ours minus the paper’s;"
        " otherwise the margin by which the sentence holds. The interval is the one that"
        " decides. p for: p-value of the hypothesis that the sentence does not hold; p against:"
        " that it holds. A verdict links to its rule."
    )
    return [Table(f"rl-claims-{name}", caption, columns, rows)] if rows else []


def _is_end(claim: Line) -> bool:
    return bool(claim["judge"] == "single_run")


def _heads() -> list[Column]:
    return [Column("Environment", "text"), Column("Agent", "text")]


def _where(line: Line) -> Cell:
    return Cell(episodes_of(line["environment"], to_float(line["cap"])))


def _returned(value: float) -> Cell:
    return Cell(fixed(value, 1), key(value))


def _score(line: Line | None) -> Cell:
    if line is None:
        return Cell()
    iqm = f"IQM {significant(to_float(line['iqm']))}"
    limits = span(to_float(line["ci_low"]), to_float(line["ci_high"]))
    return Cell(
        significant(to_float(line["mean"])),
        key(to_float(line["mean"])),
        small=[s for s in (limits, iqm) if s],
    )
