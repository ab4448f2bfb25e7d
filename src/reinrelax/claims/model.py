"""Claims and verdicts as data, and the reader of the claims files."""

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reinrelax import rl
from reinrelax.config import read_yaml
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.types import LatentShape

REPRODUCED = "reproduced"
NEAR = "near"
NOT_REPRODUCED = "not reproduced"
UNDECIDED = "undecided"
NOT_TESTED = "not tested at this scale"
NOT_RUN = "not run"
AMBIGUOUS = "ambiguous in the paper"
VERDICTS = (REPRODUCED, NEAR, NOT_REPRODUCED, UNDECIDED, NOT_TESTED, NOT_RUN, AMBIGUOUS)

METRICS = ("train_nelbo_nats", "test_nelbo_nats")


@dataclass(frozen=True)
class Subject:
    """What kind of runs claims are about.

    Attributes:
        metrics: columns that they may read.
        unit: of these.
        method, place: check the name of a method and of a place; raise ConfigError.
        minimum: what a claims file must say of the scale at which it may be judged.
    """

    metrics: tuple[str, ...]
    unit: str
    method: Callable[[str], object]
    place: Callable[[str], object]
    minimum: tuple[str, ...]


# Scores of a learning curve, one an agent and seed; what each is stands in `reporting.numbers.rl`.
LEARNING = (
    *("first", "final", "area", "slope", "to_a2c", "roughness"),
    *("running_final", "running_linearity", "running_drop", "running_plateaus"),
)


def _check_place(name: str) -> None:
    """An environment and a cap, such as `CartPole-v1-70`."""
    environment, _, cap = name.rpartition("-")
    rl.check_environment(environment)
    if not cap.isdigit():
        raise ConfigError(f"{name!r} is no environment with its cap, such as CartPole-v1-70")


SUBJECTS: Mapping[str, Subject] = {
    "trainings": Subject(
        METRICS,
        "nats",
        lookup,
        LatentShape.parse,
        ("dataset", "train_images", "test_images", "batch_size", "epochs", "draws", "seeds"),
    ),
    "learning": Subject(LEARNING, "", rl.lookup, _check_place, ("episodes", "seeds")),
}


@dataclass(frozen=True)
class Minimum:
    """What rows must have been computed with before they are judged.

    Attributes:
        exact: column of the tidy table to the value that it must hold.
        seeds: how many finished seeds at least.
        settings: (estimator, latent shape) to the paper's optimizer, learning rate and hyper-parameters.
    """

    exact: Mapping[str, str | int]
    seeds: int
    settings: Mapping[tuple[str, str], Mapping[str, str | float]] = field(repr=False)


@dataclass(frozen=True)
class Published:
    """A number as printed: mean ± `plus_minus`, nats per image."""

    mean: float
    plus_minus: float


@dataclass(frozen=True)
class Claim:
    """Something a paper says that can be held against rows of the tidy tables.

    Attributes:
        subject: which of `SUBJECTS` its rows are.
        kind: "number", "ordering" or "threshold".
        judge: name of the judging function.
        rule: the function's margins, fixed in advance.
        metric: column of the tidy table.
        lower, higher: estimators; a number claim reads `lower` alone.
        places: latent shapes, or environments, at which it is said to hold.
        elsewhere: those at which the opposite is said to hold.
        at_least: at how many of all these the claim must hold.
        published: of a number claim; `printed`, of one that is a single run's.
        limit: of a threshold claim.
        note: what a reader should know; for the judge `ambiguous`, why it cannot be judged.
    """

    id: str
    paper: str
    subject: str
    place: str
    statement: str
    kind: str
    judge: str
    metric: str
    rule: Mapping[str, float]
    minimum: Minimum
    lower: tuple[str, ...] = ()
    higher: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    at_least: int = 1
    published: Published | None = None
    printed: float = float("nan")
    limit: float = float("nan")
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the rows say of a claim.

    Attributes:
        verdict: one of `VERDICTS`.
        rule: the rule in words.
        effect, low, high: of a number claim the difference ours less published; of an ordering or a threshold
            the margin by which it holds (negative: fails); with the 95% interval; in the unit of its subject,
            NaN where undefined.
        probability: bootstrap probability of an ordering or a threshold; NaN otherwise.
        seeds: finite seeds of the cell that has fewest.
        diverged: diverged seeds in all cells read.
        reason: why, where it is not the rule alone that decides.
    """

    claim: Claim
    verdict: str
    rule: str
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    probability: float = float("nan")
    seeds: int = 0
    diverged: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Schema:
    """Which keys a claim of one judging function has besides `COMMON`, and which its rule has."""

    kind: str
    required: Collection[str]
    optional: Collection[str] = ()
    rule: Collection[str] = field(default_factory=tuple)


COMMON = ("id", "judge", "place", "metric", "statement")


def load(folder: Path, schemas: Mapping[str, Schema], root: Path = Path()) -> list[Claim]:
    """All claims of a folder's YAML files, in the order of file names and entries.

    Args:
        folder: holds `*.yaml`.
        schemas: judging function's name to what its claims look like.
        root: the project's folder, from which the files name tables.

    Raises:
        ConfigError: names the file and the unknown, missing or unusable key.
    """
    claims = [claim for path in sorted(folder.glob("*.yaml")) for claim in _read(path, schemas, root)]
    if not claims:
        raise ConfigError(f"{folder}: holds no claims; run from the project's folder")
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ConfigError(f"{folder}: two claims have the id {claim.id!r}; give one another")
        seen.add(claim.id)
    return claims


def _read(path: Path, schemas: Mapping[str, Schema], root: Path) -> Iterator[Claim]:
    content = read_yaml(path)
    _keys(str(path), content, ("paper", "subject", "rule", "minimum", "claims"), ("settings",))
    if content["subject"] not in SUBJECTS:
        raise ConfigError(
            f"{path}: subject: must be one of {', '.join(SUBJECTS)}; got {content['subject']!r}"
        )
    subject = SUBJECTS[content["subject"]]
    _keys(f"{path}: minimum", content["minimum"], subject.minimum)
    exact = {key: content["minimum"][key] for key in subject.minimum if key != "seeds"}
    settings = read_settings(root / content["settings"]) if "settings" in content else {}
    minimum = Minimum(exact, content["minimum"]["seeds"], settings)
    if not isinstance(content["claims"], list):
        raise ConfigError(f"{path}: claims: must be a list; got {content['claims']!r}")
    for index, entry in enumerate(content["claims"]):
        where = f"{path}: claims[{index}]"
        if not isinstance(entry, dict) or entry.get("judge") not in schemas:
            came = entry.get("judge") if isinstance(entry, dict) else entry
            raise ConfigError(f"{where}.judge: unknown function {came!r}; known: {', '.join(schemas)}")
        schema = schemas[entry["judge"]]
        _keys(where, entry, (*COMMON, *schema.required), schema.optional)
        if schema.rule:
            _keys(f"{path}: rule", content["rule"], schema.rule)
            for key, value in content["rule"].items():
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ConfigError(f"{path}: rule.{key}: must be a number; got {value!r}")
        for key in set(schema.required) & {"printed", "limit"}:
            if isinstance(entry[key], bool) or not isinstance(entry[key], int | float):
                raise ConfigError(f"{where}.{key}: must be a number; got {entry[key]!r}")
        for key in set(schema.required) & {"lower", "higher", "places"}:
            if not entry[key]:
                raise ConfigError(f"{where}.{key}: must name at least one")
        if entry["metric"] not in subject.metrics:
            known = ", ".join(subject.metrics)
            raise ConfigError(f"{where}.metric: must be one of {known}; got {entry['metric']!r}")
        shared = {key: content[key] for key in ("paper", "subject", "rule")}
        yield from _expand(where, entry, {**shared, "minimum": minimum, "kind": schema.kind}, root)


def _expand(where: str, entry: Mapping[str, Any], shared: Mapping[str, Any], root: Path) -> Iterator[Claim]:
    """The claim of an entry, or one claim for each row of the reference table that it names."""
    plain = {key: value for key, value in entry.items() if key != "reference"}
    if "reference" not in entry:
        for key in ("lower", "higher", "places", "elsewhere"):
            plain[key] = _names(f"{where}.{key}", entry.get(key, ()), key, SUBJECTS[shared["subject"]])
        if both := set(plain["lower"]) & set(plain["higher"]):
            raise ConfigError(f"{where}.higher: {both.pop()} stands in lower too")
        columns = len(plain["places"]) + len(plain["elsewhere"])
        plain.setdefault("at_least", columns)
        if columns and not (isinstance(plain["at_least"], int) and 1 <= plain["at_least"] <= columns):
            raise ConfigError(f"{where}.at_least: must be from 1 to {columns}; got {plain['at_least']!r}")
        yield Claim(**plain, **shared)
        return
    for row in _rows(root / entry["reference"], ("estimator", "latent", "mean", "plus_minus")):
        try:
            published = Published(float(row["mean"]), float(row["plus_minus"]))
            statement = entry["statement"].format(**row)
        except (KeyError, ValueError, TypeError) as error:
            raise ConfigError(f"{where}: does not fit {entry['reference']}: {error!r}") from None
        subject = SUBJECTS[shared["subject"]]
        _names(f"{entry['reference']}: estimator", [row["estimator"]], "lower", subject)
        _names(f"{entry['reference']}: latent", [row["latent"]], "places", subject)
        yield Claim(
            **{**plain, "id": f"{entry['id']}-{row['estimator']}-{row['latent']}", "statement": statement},
            **shared,
            lower=(row["estimator"],),
            places=(row["latent"],),
            published=published,
        )


def _names(where: str, names: Any, key: str, subject: Subject) -> tuple[str, ...]:
    """Names of methods or places, checked lest a slip of the pen pass for a missing run."""
    check = subject.method if key in ("lower", "higher") else subject.place
    try:
        if not isinstance(names, list | tuple):
            raise ConfigError(f"must be a list; got {names!r}")
        for name in names:
            check(str(name))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return tuple(str(name) for name in names)


def read_settings(path: Path) -> dict[tuple[str, str], dict[str, str | float]]:
    """Optimizer, learning rate, τ and η of each estimator and latent shape, where the table gives them."""
    names = {"learning_rate": "learning_rate", "temperature": "tau", "eta": "eta"}
    return {
        (row["estimator"], row["latent"]): {
            "optimizer": row["optimizer"],
            **{name: float(row[column]) for column, name in names.items() if row[column]},
        }
        for row in _rows(path, ("estimator", "latent", "optimizer", *names))
    }


def _rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := sorted(set(columns) - set(reader.fieldnames or ())):
                raise ConfigError(f"{path}: column {missing[0]!r} is missing")
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error!r}); run from the project's folder") from None


def _keys(where: str, mapping: Any, required: Collection[str], optional: Collection[str] = ()) -> None:
    if not isinstance(mapping, dict):
        raise ConfigError(f"{where}: must be a mapping of keys; got {mapping!r}")
    if unknown := [key for key in mapping if key not in (*required, *optional)]:
        raise ConfigError(f"{where}.{unknown[0]}: unknown key; allowed: {', '.join([*required, *optional])}")
    if missing := [key for key in required if key not in mapping]:
        raise ConfigError(f"{where}.{missing[0]}: missing")
