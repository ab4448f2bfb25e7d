"""The study of the released library: it leaves no class out, and every check can fail.

A law is planted for each that it must find. What it says of the library is held to what
follows by hand from the source of its classes.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from itertools import product
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, constraints, kl_divergence, register_kl
from torch.special import ndtr

from reinrelax import distributions as own
from reinrelax.config.declared import COLUMNS
from reinrelax.errors import ConfigError
from reinrelax.experiments.library import measure as library
from reinrelax.experiments.library import released
from reinrelax.experiments.library.cases import Case, Subject, cases
from reinrelax.experiments.library.checks import Row, drawn, rows, same_law
from reinrelax.experiments.library.experiment import Library
from reinrelax.experiments.properties.exact import interval
from tests.conftest import ROOT, unchecked

SAMPLES = 4000
SMALL = unchecked(Library(SAMPLES), samples=100)
# Of a normal law, beyond which one in a billion lies.
FAR = 6.1
Found = Callable[[str, str], Row]


@pytest.fixture(scope="module")
def measured() -> list[Row]:
    return library.measure(Library(SAMPLES))["library"]


@pytest.fixture(scope="module")
def theirs(measured: list[Row]) -> Found:
    """A row of the library by its class and check."""
    table = {
        (row["class"], row["check"]): row for row in measured if row["implementation"] == "relaxit"
    }
    return lambda kind, check: table[kind, check]


def test_every_class_of_the_library_is_measured() -> None:
    package = released.released()
    assert {case.theirs.name for case in cases(package)} == set(released.classes(package))
    assert len(released.classes(package)) == 12


def test_every_law_of_ours_stands_beside_one(measured: list[Row]) -> None:
    ours = {row["class"] for row in measured if row["implementation"] == "reinrelax"}
    papers = {name for name, entry in own.CATALOGUE.items() if isinstance(entry, own.Paper)}
    assert ours == {*papers, "laplace_bridge"}
    assert set(library.METHODS) == {f"III.{letter}" for letter in "ABCDEFGHIJKL"}


def test_rows_are_tidy_and_repeat_whatever_was_drawn_before() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = library.measure(SMALL)["library"]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert library.measure(SMALL)["library"] == first
    assert library.measure(SMALL, seed=1)["library"] != first
    assert all(set(row) <= set(COLUMNS["library"]) for row in first)
    places = [
        tuple(row[name] for name in ("law", "implementation", "class", "check")) for row in first
    ]
    assert len(set(places)) == len(places)


def test_what_the_library_raises(theirs: Found) -> None:
    raised = {
        ("StraightThroughBernoulli", "log_prob"): "ValueError",
        ("StochasticTimesSmooth", "log_prob"): "ValueError",
        ("LogisticNormalSoftmax", "log_prob"): "NotImplementedError",
        ("DecoupledStraightThroughGumbelSoftmax", "mean"): "AttributeError",
        ("CorrelatedRelaxedBernoulli", "validated"): "TypeError",
        ("GumbelSoftmaxTopK", "sample_shape"): "TypeError",
        ("HardConcrete", "sample_shape"): "RuntimeError",
        ("RebarRelaxation", "sample_shape"): "RuntimeError",
    }
    assert {place: theirs(*place)["raised"] for place in raised} == raised
    for kind in released.classes(released.released()):
        assert theirs(kind, "torch")["value"] == theirs(kind, "pyro")["value"] == 1
        assert theirs(kind, "rsample")["value"] == theirs(kind, "gradient")["value"] == 1


def test_noise_of_a_batch(theirs: Found) -> None:
    for kind in released.classes(released.released()):
        together = kind in ("HardConcrete", "RebarRelaxation")
        assert theirs(kind, "correlation")["value"] == pytest.approx(
            float(together), abs=FAR / SAMPLES**0.5
        )


def sampled(row: Row, value: float) -> bool:
    """Whether the interval, six standard errors wide, holds a number."""
    low, high = (float(row[end]) for end in ("low", "high"))  # type: ignore[arg-type]
    return abs(float(row["value"]) - value) <= FAR * (high - low) / (2 * 1.96)  # type: ignore[arg-type]


def test_samplers_and_densities_as_they_follow_by_hand(theirs: Found) -> None:
    p = torch.tensor([0.3, 0.6], dtype=torch.float64)
    below, above = (ndtr((end - p) / 0.5) for end in (0.0, 1.0))
    correlated = theirs("CorrelatedRelaxedBernoulli", "integral")["value"]
    assert correlated == pytest.approx(float((above - below).prod()), abs=1e-3)
    rebar = theirs("RebarRelaxation", "above")
    modified = (0.5**2 + 0.5 + 1) / (0.5 + 1) * torch.tensor(0.8).logit()
    assert sampled(rebar, float(modified.sigmoid()))
    assert rebar["expected"] == pytest.approx(0.8, abs=1e-3)
    assert not sampled(rebar, 0.8)
    # Two of four without replacement, by softmax(p) and by p.
    top = theirs("GumbelSoftmaxTopK", "above")
    p = torch.tensor([0.4, 0.3, 0.2, 0.1])
    wrong, right = (float(q[0] + (q[1:] * q[0] / (1 - q[1:])).sum()) for q in (p.softmax(-1), p))
    assert sampled(top, wrong)
    assert not sampled(top, right)
    # Independent coins of which just two show heads.
    coins = sum(
        float(torch.where(torch.tensor(flags), p, 1 - p).prod())
        for flags in product((False, True), repeat=4)
        if sum(flags) == 2
    )
    assert theirs("GumbelSoftmaxTopK", "integral")["value"] == pytest.approx(coins, abs=1e-6)
    assert theirs("InvertibleGaussian", "integral")["value"] > 10


def test_kl_of_the_library_as_it_follows_by_hand(theirs: Found) -> None:
    row = theirs("InvertibleGaussian", "kl")
    p, q = ((0.3, 0.8), (-0.5, 1.2))
    plain = kl_divergence(Normal(*p), Normal(*q))
    tempered = kl_divergence(Normal(p[0] / 0.5, p[1] / 0.5), Normal(*q))
    assert row["expected"] == pytest.approx(float(plain), rel=1e-5)
    assert sampled(row, float(tempered))
    assert not sampled(row, float(plain))
    assert theirs("StochasticTimesSmooth", "variance")["expected"] == pytest.approx(0.21)


def test_the_bridge_and_the_names(theirs: Found) -> None:
    bridge = theirs("lognorm_approximation_fn", "ratio_std")
    # Of independent logits with Σ_kk for their deviations.
    inverse = torch.tensor([1 / 2, 1 / 3, 1 / 5])
    variance = inverse / 3 + inverse.sum() / 9
    assert bridge["value"] == pytest.approx(float(variance[[0, 2]].norm()), rel=1e-5)
    assert bridge["expected"] == pytest.approx(0.930729, abs=1e-5)
    assert theirs("__all__", "named")["value"] == pytest.approx(11 / 12)


def test_our_laws_hold_all_that_they_do_not_refuse(measured: list[Row]) -> None:
    """Counts and k-hot vectors have no density in closed form; Pyro's interface is not claimed."""
    for row in measured:
        if row["implementation"] != "reinrelax" or row["check"] in ("pyro", "ratio_std"):
            continue
        refuses = row["class"] in ("GeneralizedGumbelSoftmax", "GumbelTopK")
        if refuses and str(row["check"]).startswith("log_prob"):
            assert row["raised"] in ("NotImplementedError", "InputError")
        elif "low" not in row and row["check"] not in ("kl", "mean", "variance"):
            assert row["value"] == pytest.approx(row["expected"], abs=1e-3), row
        elif "low" in row and "expected" in row:
            bound = (row["class"], row["check"]) == ("HardConcrete", "kl")
            assert bound or sampled(row, float(row["expected"])), row  # type: ignore[arg-type]


class Planted(Distribution):
    """A logistic gate σ((a + logit u)/τ), sound but for one fault."""

    arg_constraints: Mapping[str, Any] = {}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, fault: str = "", validate_args: bool | None = None) -> None:
        if validate_args and fault == "validated":
            raise TypeError
        self.logits, self.fault = logits, fault
        event = (1,) if fault == "declared" else ()
        super().__init__(logits.shape, event, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        if sample_shape and self.fault == "sample_shape":
            raise TypeError
        shape = () if self.fault == "correlation" else (*sample_shape, *self.logits.shape)
        logits = self.logits.detach() if self.fault == "gradient" else self.logits
        moved = (
            logits
            + torch.rand(shape).logit(eps=1e-6)
            + (0.5 if self.fault in ("above", "same_law") else 0)
        )
        z: Tensor = (2 * moved).sigmoid()
        if self.fault == "rsample":
            z = z / 0
        return z[..., None] if self.fault == "shape" else z

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return (
            self if self.fault == "expand" else Planted(self.logits.expand(batch_shape), self.fault)
        )

    def log_prob(self, value: Tensor) -> Tensor:
        if self.fault == "log_prob":
            return value / 0
        density = own.RelaxedBernoulli(0.5, logits=self.logits).log_prob(value)
        scaled: Tensor = density + 0.1 if self.fault == "integral" else density
        return scaled[..., None] if self.fault == "log_prob_shape" else scaled

    @property
    def mean(self) -> Tensor:
        return self.rsample((1000,)).mean(0) + (self.fault == "mean")

    @property
    def variance(self) -> Tensor:
        return self.rsample((1000,)).var(0) + (self.fault == "variance")


@register_kl(Planted, Planted)
def _kl_planted(p: Planted, q: Planted) -> Tensor:
    exact = kl_divergence(*(own.RelaxedBernoulli(0.5, logits=law.logits) for law in (p, q)))
    return exact + (p.fault == "kl")


def planted(fault: str = "") -> dict[Any, Row]:
    """All checks of a gate with this fault, by name."""
    ours = Subject(
        "sound", lambda p, tau, v: own.RelaxedBernoulli(tau, logits=p["logits"]), (), interval(0.5)
    )
    bad = replace(ours, build=lambda p, tau, v: Planted(p["logits"], fault, v))
    case = Case("planted", {"logits": 0.4}, {"logits": -0.3}, bad, ours)
    torch.manual_seed(0)
    draws, others = (drawn(subject, case, SAMPLES) for subject in (bad, ours))
    found = [*rows(bad, case, draws), same_law(case, draws, others)]
    return {row["check"]: row for row in found}


def holds(row: Row) -> bool:
    if row["check"] == "same_law":
        return float(row["value"]) > 1e-4  # type: ignore[arg-type]
    if "raised" in row or "value" not in row:
        return False
    value, expected = (float(row[name]) for name in ("value", "expected"))  # type: ignore[arg-type]
    if row["check"] in ("mean", "variance"):
        return abs(value - expected) < 0.1
    return sampled(row, expected) if "low" in row else abs(value - expected) < 1e-3


FAULTS = (
    *(
        "validated",
        "declared",
        "rsample",
        "shape",
        "sample_shape",
        "expand",
        "gradient",
        "log_prob",
    ),
    *("log_prob_shape", "integral", "above", "correlation", "mean", "variance", "kl", "same_law"),
)


def test_a_sound_law_passes_every_check() -> None:
    found = planted()
    assert [name for name, row in found.items() if not holds(row)] == ["pyro"]
    assert {*FAULTS, "torch", "pyro"} == set(found)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    assert not holds(planted(fault)[fault])


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        (
            None,
            (
                r"measures relaxit 1.2.1, and relaxit is not installed. `pip install"
                r" relaxit==1.2.1`, or leave"
            ),
        ),
        (
            "1.1.0",
            r"measures relaxit 1.2.1, and relaxit 1.1.0 is installed. `pip install relaxit==1.2.1`",
        ),
    ],
)
def test_without_the_library_the_remedy_is_said(
    installed: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if installed is None:
            raise PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(released, "version", version)
    with pytest.raises(ConfigError, match=message):
        library.measure(Library(1000))


def test_without_what_the_library_is_made_of_the_remedy_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> NoReturn:
        raise ModuleNotFoundError("No module named 'pyro'")

    monkeypatch.setattr(released, "import_module", absent)
    with pytest.raises(
        ConfigError, match=r"cannot be imported \(No module named 'pyro'\). `pip install"
    ):
        released.released()


def test_nothing_but_the_study_loads_the_library() -> None:
    named = [
        path.relative_to(ROOT / "src/reinrelax").as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if any(f'"{name}' in path.read_text(encoding="utf-8") for name in ("relaxit", "pyro."))
    ]
    assert all(name.startswith("experiments/library/") for name in named)
    code = (
        "import sys, reinrelax.cli, reinrelax.reporting.page, reinrelax.experiments.study; "
        "import reinrelax.experiments.library.measure; "
        "sys.exit(bool({'relaxit', 'pyro'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
