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
# Words for reproduced and not reproduced in findings that are not replications.
HOLDS, FAILS = "holds", "fails"
CONSISTENT, INCONSISTENT = "consistent in the paper", "inconsistent in the paper"
WORDS = (*VERDICTS, HOLDS, FAILS, CONSISTENT, INCONSISTENT)
# Verdicts that result from a test against finished runs.
JUDGED = (REPRODUCED, NEAR, NOT_REPRODUCED, UNDECIDED, COMPATIBLE, *WORDS[len(VERDICTS) :])

TYPES = ("number", "ordering", "trend", "qualitative")
METRICS = ("train_nelbo_nats", "test_nelbo_nats")
MEASUREMENTS = "measurements"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """A kind of runs, with one value per seed, that claims can be about.

    Attributes:
        metrics: columns that claims can read.
        unit: the unit of these columns.
        method, place: check the name of a method and of a place; raise ConfigError.
        minimum: keys that `minimum` of a claims file must have.
    """

    metrics: tuple[str, ...]
    unit: str
    method: Callable[[str], object]
    place: Callable[[str], object]
    minimum: tuple[str, ...]


# Scores of a learning curve, one per agent and seed; `policy_gradient.tables` defines them.
LEARNING = (
    *("first", "final", "area", "slope", "roughness"),
    *("running_final", "running_linearity", "running_drop", "running_plateaus"),
)


def _check_place(name: str) -> None:
    """Check that a name is an environment with its cap, such as `CartPole-v1-70`."""
    environment, _, cap = name.rpartition("-")
    rl.ENVIRONMENTS.lookup(environment)
    if not cap.isdigit():
        raise ConfigError(
            f"{name!r} does not name an environment and its step limit, such as CartPole-v1-70"
        )


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
    """The scale that rows must reach before a claim is judged.

    Attributes:
        exact: column to the required value; for measurements a number is the least that suffices.
        seeds: the least number of finished seeds.
        settings: (estimator, latent shape) to the paper's optimizer, learning rate and
            hyper-parameters.
    """

    exact: Mapping[str, str | int | float]
    seeds: int
    settings: Mapping[tuple[str, str], Mapping[str, str | float]] = field(repr=False)


@dataclass(frozen=True)
class PrintedNumber:
    """A number as printed: mean ± `plus_minus`, in the metric's unit, over `seeds`.

    The ± is a standard error: the population standard deviation divided by √n. It is NaN if none is
    printed.
    """

    mean: float
    plus_minus: float = float("nan")
    seeds: int = 0

    @property
    def std(self) -> float:
        """The sample standard deviation over seeds; √n · ± is that of the population."""
        if self.seeds < 2:
            return float("nan")
        return float(self.plus_minus * self.seeds / np.sqrt(self.seeds - 1))


@dataclass(frozen=True)
class Claim:
    """A statement of a paper that can be tested against rows of tables.

    Attributes:
        subject: one of `SUBJECTS`, or `MEASUREMENTS`.
        type: one of `TYPES`.
        judge: name of the judging function.
        rule: the function's margins, fixed in advance in the claims file.
        parameters: values that this claim sets itself.
        metric: column of the runs' table.
        lower, higher: methods; a number claim reads `lower` only.
        places: latent shapes, or environments, at which the claim should hold.
        elsewhere: those at which the opposite should hold.
        at_least: the number of these places, or of the groups of a query, at which it must hold;
            None: all of them.
        published: the printed number of a number claim.
        printed: (method, place) to the number printed for the claim's metric, where there is one.
        query: the rows of a claim on measurements, in place of metric, methods and places.
        family: claims of the same family and paper answer one question, and are corrected for their
            number.
        note: information for the reader; if nothing is judged, the reason.
        entry: id of the entry in the claims file; an entry can expand to several claims.
        limits: digest of that entry's content without its words, used to follow its history.
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
    published: PrintedNumber | None = None
    printed: Mapping[tuple[str, str], PrintedNumber] = field(default_factory=dict, repr=False)
    query: Query | None = None
    family: str = ""
    note: str = ""
    entry: str = ""
    limits: str = ""

    @property
    def cells(self) -> list[tuple[str, str]]:
        """All pairs of method and place of a claim on runs."""
        places, methods = (*self.places, *self.elsewhere), (*self.lower, *self.higher)
        return [(method, place) for place in places for method in methods]

    @property
    def smallest(self) -> float:
        """The smallest effect of interest, of the claim or of its file; 0 if neither names one."""
        return float(self.parameters.get("smallest", self.rule.get("smallest", 0.0)))

    def number(self, key: str) -> float:
        """Return a parameter that is a number; NaN if the claim does not set it."""
        return float(self.parameters.get(key, float("nan")))


@dataclass(frozen=True)
class Verdict:
    """The outcome of a claim.

    Attributes:
        verdict: one of `VERDICTS`.
        rule: the decision rule in words.
        effect, low, high: the effect and the interval that decides; NaN if undefined. The effect of
            a number claim is the difference ours − published, that of all others the margin by
            which the claim holds (negative: fails).
        coverage: that of the interval, before widening for several parts and for the family.
        smallest: the smallest effect of interest; a margin that is shown to be below it refutes the
            claim.
        holding, failing: p-values against the hypotheses that the claim does not hold and that it
            holds, corrected for its family; NaN for numbers.
        family: the number of claims in the family.
        detectable: the smallest effect that values with this scatter would show in four of five
            repetitions; NaN if they do not scatter or nothing is judged.
        needed: the number of seeds that would decide in four of five repetitions if the difference
            is as observed; 0 if unknown, −1 if no number would.
        seeds: the number of finite seeds where there are fewest; 0 if the rows do not say.
        diverged: the number of diverged seeds in everything that was read.
        reason: an explanation, if the rule alone does not decide.
        jobs: cells and studies whose results were read, or would be.
        part: the tested margin.
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
    """The values that are compared at one place.

    Attributes:
        lower, higher: the values on each side.
        at: coordinates of `lower` along a query's `over`.
        smallest: the smallest effect of interest of each pair, `[lower, higher]`; empty if it is a
            share of the values.
        reverse: the same with the sides exchanged, `[higher, lower]`.
    """

    lower: Sequence[Estimate]
    higher: Sequence[Estimate]
    at: Sequence[float]
    smallest: Sequence[Sequence[float]] = ()
    reverse: Sequence[Sequence[float]] = ()

    def exchanged(self) -> "Group":
        """Return the group with its sides exchanged."""
        return Group(self.higher, self.lower, self.at, self.reverse, self.smallest)


@dataclass(frozen=True)
class Resampled:
    """The evidence by which a claim is judged.

    Attributes:
        groups: groups at which the claim should hold, followed by those at which its opposite
            should.
        opposite: the number of groups of the second kind.
        premise: verdict and reason if the claim cannot be judged, otherwise two empty strings.
        seeds, diverged, jobs: as in `Verdict`.
    """

    groups: Sequence[Group]
    opposite: int
    premise: tuple[str, str]
    seeds: int
    diverged: int
    jobs: Sequence[str]

    @property
    def places(self) -> int:
        """The number of places at which the claim is tested."""
        return len(self.groups)
