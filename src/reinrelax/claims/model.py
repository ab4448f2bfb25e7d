"""Claims and verdicts as data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reinrelax import rl
from reinrelax.claims.parts import Estimate, Part
from reinrelax.claims.queries import Query
from reinrelax.core.types import LatentShape
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup

REPRODUCED = "reproduced"
NEAR = "near"
NOT_REPRODUCED = "not reproduced"
UNDECIDED = "undecided"
COMPATIBLE = "compatible"
NOT_TESTED = "not tested at this scale"
NOT_RUN = "not run"
AMBIGUOUS = "ambiguous in the paper"
VERDICTS = (REPRODUCED, NEAR, NOT_REPRODUCED, UNDECIDED, COMPATIBLE, NOT_TESTED, NOT_RUN, AMBIGUOUS)
# What stands for reproduced and not reproduced where nothing is replicated.
HOLDS, FAILS = "holds", "fails"
CONSISTENT, INCONSISTENT = "consistent in the paper", "inconsistent in the paper"
WORDS = (*VERDICTS, HOLDS, FAILS, CONSISTENT, INCONSISTENT)
# Those that hold a claim against finished runs.
JUDGED = (REPRODUCED, NEAR, NOT_REPRODUCED, UNDECIDED, COMPATIBLE, *WORDS[len(VERDICTS) :])

TYPES = ("number", "ordering", "trend", "qualitative")
METRICS = ("train_nelbo_nats", "test_nelbo_nats")
MEASUREMENTS = "measurements"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """What kind of runs claims are about, whose values are one a seed.

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


# Scores of a learning curve, one an agent and seed; what each is stands in `policy_gradient.tables`.
LEARNING = (
    *("first", "final", "area", "slope", "roughness"),
    *("running_final", "running_linearity", "running_drop", "running_plateaus"),
)


def _check_place(name: str) -> None:
    """An environment and a cap, such as `CartPole-v1-70`."""
    environment, _, cap = name.rpartition("-")
    rl.check_environment(environment)
    if not cap.isdigit():
        raise ConfigError(f"{name!r} is no environment with its cap, such as CartPole-v1-70")


_TRAININGS = Subject(
    METRICS,
    "nats",
    lookup,
    LatentShape.parse,
    ("dataset", "train_images", "test_images", "batch_size", "epochs", "draws", "seeds"),
)
SUBJECTS: Mapping[str, Subject] = {
    "trainings": _TRAININGS,
    "trainings as run": _TRAININGS,
    "learning": Subject(LEARNING, "", rl.lookup, _check_place, ("episodes", "seeds")),
}


@dataclass(frozen=True)
class Minimum:
    """What rows must have been computed with before they are judged.

    Attributes:
        exact: column to the value that it must hold; of measurements a number is the least that will do.
        seeds: how many finished seeds at least.
        settings: (estimator, latent shape) to the paper's optimizer, learning rate and hyper-parameters.
    """

    exact: Mapping[str, str | int | float]
    seeds: int
    settings: Mapping[tuple[str, str], Mapping[str, str | float]] = field(repr=False)


@dataclass(frozen=True)
class Published:
    """A number as printed: mean ± `plus_minus`, in the metric's unit, over `seeds`.

    The ± is a standard error, the population's standard deviation over √n; NaN where none is printed.
    """

    mean: float
    plus_minus: float = float("nan")
    seeds: int = 0

    @property
    def std(self) -> float:
        """The standard deviation over seeds, as of a sample: √n · ± is the population's."""
        if self.seeds < 2:
            return float("nan")
        return float(self.plus_minus * self.seeds / np.sqrt(self.seeds - 1))


@dataclass(frozen=True)
class Claim:
    """Something a paper says that can be held against rows of tables.

    Attributes:
        subject: which of `SUBJECTS` its rows are, or `MEASUREMENTS`.
        type: one of `TYPES`.
        judge: name of the judging function.
        rule: the function's margins, fixed in advance, its file's; `parameters`, those of this claim alone.
        metric: column of the runs' table.
        lower, higher: methods; a number claim reads `lower` alone.
        places: latent shapes, or environments, at which it is said to hold.
        elsewhere: those at which the opposite is said to hold.
        at_least: at how many of all these, or of the groups of a query, it must hold; None: at all.
        published: of a number claim, as printed.
        printed: (method, place) to what the paper prints for the claim's metric, as far as it does.
        query: of a claim on measurements, in place of metric, methods and places.
        family: claims of the same family and paper answer one question, and are corrected for their number.
        note: what a reader should know; where nothing is judged, why.
        entry: the id of its entry in the claims file, which may stand for several claims.
        limits: a digest of what that entry says but in words, by which its history is followed.
    """

    id: str
    paper: str
    subject: str
    place: str
    statement: str
    type: str
    judge: str
    rule: Mapping[str, float]
    minimum: Minimum
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    metric: str = ""
    lower: tuple[str, ...] = ()
    higher: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    at_least: int | None = None
    published: Published | None = None
    printed: Mapping[tuple[str, str], Published] = field(default_factory=dict, repr=False)
    query: Query | None = None
    family: str = ""
    note: str = ""
    entry: str = ""
    limits: str = ""

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Methods and places of a claim on runs."""
        places, methods = (*self.places, *self.elsewhere), (*self.lower, *self.higher)
        return [(method, place) for place in places for method in methods]

    @property
    def smallest(self) -> float:
        """The smallest effect of interest, its own or its file's; 0 where none is named."""
        return float(self.parameters.get("smallest", self.rule.get("smallest", 0.0)))

    def number(self, key: str) -> float:
        """A parameter that is a number; NaN where the claim has none."""
        return float(self.parameters.get(key, float("nan")))


@dataclass(frozen=True)
class Verdict:
    """What the rows say of a claim.

    Attributes:
        verdict: one of `VERDICTS`.
        rule: the rule in words.
        effect, low, high: of a number claim the difference ours less published; of all others the margin by
            which it holds (negative: fails); with the interval that decides; NaN where undefined.
        coverage: of that interval, before it is widened for several parts and for its family.
        smallest: the smallest effect of interest: a margin that is shown to be below it refutes the claim.
        holding, failing: the p-values of its not holding and of its holding, corrected for its family; NaN
            for numbers.
        family: how many claims the family has.
        detectable: the smallest effect that values which scatter like these would have shown in four of five
            repetitions; NaN where they do not scatter or nothing is judged.
        needed: how many seeds would decide in four of five repetitions, were the difference as observed; 0
            where that is not known, −1 where no number would.
        seeds: finite seeds of what has fewest; 0 where the rows do not say.
        diverged: diverged seeds in all that was read.
        reason: why, where it is not the rule alone that decides.
        jobs: cells and studies whose results were, or would be, read.
        part: what was tested.
    """

    claim: Claim
    verdict: str
    rule: str
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    coverage: float = 0.9
    smallest: float = 0.0
    holding: float = float("nan")
    failing: float = float("nan")
    family: int = 0
    detectable: float = float("nan")
    needed: int = 0
    seeds: int = 0
    diverged: int = 0
    reason: str = ""
    jobs: Sequence[str] = ()
    part: Part | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Group:
    """What is compared at one place.

    Attributes:
        lower, higher: the values on each side.
        at: coordinates of `lower` along a query's `over`.
        smallest: the smallest effect of interest of each pair, `[lower, higher]`; empty where it is a share
            of the values.
        reverse: the same with the sides exchanged, `[higher, lower]`.
    """

    lower: Sequence[Estimate]
    higher: Sequence[Estimate]
    at: Sequence[float]
    smallest: Sequence[Sequence[float]] = ()
    reverse: Sequence[Sequence[float]] = ()

    def exchanged(self) -> "Group":
        """The same with the sides exchanged."""
        return Group(self.higher, self.lower, self.at, self.reverse, self.smallest)


@dataclass(frozen=True)
class Sample:
    """All that a claim is judged by.

    Attributes:
        groups: those at which it is said to hold, then those at which its opposite is.
        opposite: how many of the last.
        premise: verdict and reason where nothing may be judged; two empty strings where it may.
        seeds, diverged, jobs: as in a verdict.
    """

    groups: Sequence[Group]
    opposite: int
    premise: tuple[str, str]
    seeds: int
    diverged: int
    jobs: Sequence[str]

    @property
    def places(self) -> int:
        """At how many places the claim is looked at."""
        return len(self.groups)
