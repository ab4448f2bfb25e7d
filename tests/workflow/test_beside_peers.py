"""This library next to its installed peers, by the tables of the documentation."""

import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch

from docs.peers import tables as peers
from docs.peers.cases import Pair, installed, pairs
from docs.peers.probes import PROBES, outcomes
from reinrelax.display.table_blocks import to_float

pytestmark = pytest.mark.slow

# Errors that say that a formula is not known or an argument not accepted.
REFUSALS = ("NotImplementedError", "InputError")
# Probes of samples of given noise, under transforms.
GIVEN = ("torch.vmap, noise given", "torch.compile(fullgraph=True), noise given")
# Pyro needs a density of the sample; these have one of weights and of ordered indices.
OTHER_DENSITY = {"GeneralizedGumbelSoftmax", "GumbelTopK"}


@pytest.fixture(scope="module")
def rows() -> list[peers.Row]:
    return peers.measured()


def test_every_peer_of_the_environment_is_measured(rows: list[peers.Row]) -> None:
    assert {row.pair.package for row in rows} == set(installed())
    assert set(installed()) == {"torch", "relaxit", "reinmax", "pyro-ppl"}


def test_no_peer_is_right_where_ours_is_not(rows: list[peers.Row]) -> None:
    behind = [(row.pair.ours.name, row.probe) for row in rows if row.is_behind]
    assert behind == []


def test_ours_is_right_or_refuses(rows: list[peers.Row]) -> None:
    for row in rows:
        if row.ours.right is False:
            refused = row.ours.text.removeprefix("no: ") in REFUSALS
            lacks = row.probe.startswith("pyro") and row.pair.ours.name in OTHER_DENSITY
            assert refused or lacks, (row.pair.ours.name, row.probe, row.ours.text)


def test_every_probe_finds_something_wrong(rows: list[peers.Row]) -> None:
    """In a peer or in ours; the rest in faults that are planted below."""
    noticed = {row.probe for row in rows if False in (row.theirs.right, row.ours.right)}
    assert set(PROBES) - noticed == {
        "pickle and deepcopy",
        "mean gradient, by enumeration",
        "torch.compile(fullgraph=True)",
        *GIVEN,
    }


def test_a_draw_that_looks_at_values_is_noticed() -> None:
    pair = next(pairs())
    build, sample = pair.ours.build, pair.ours.sample
    assert build is not None

    def looked_at(z: torch.Tensor) -> torch.Tensor:
        return z if z.sum() > 0 else -z

    def spoilt(*arguments: Any) -> Any:
        law = build(*arguments)
        made = law.from_noise
        law.from_noise = lambda noise: looked_at(made(noise))
        return law

    planted = replace(pair.ours, build=spoilt, sample=lambda p, tau: looked_at(sample(p, tau)))
    found, good = outcomes(pair, planted), outcomes(pair, pair.ours)
    for name in ("torch.vmap", "torch.compile(fullgraph=True)", *GIVEN):
        assert good[name].right, name
        assert found[name].right is False, name


def test_a_class_that_cannot_be_pickled_is_noticed() -> None:
    pair = next(pairs())
    build = pair.ours.build
    assert build is not None

    def spoilt(*arguments: Any) -> Any:
        law = build(*arguments)
        law.own = lambda: None
        return law

    probe = PROBES["pickle and deepcopy"]
    assert probe(pair, pair.ours).right
    with pytest.raises((pickle.PicklingError, AttributeError)):
        probe(pair, replace(pair.ours, build=spoilt))


def test_faults_are_noticed() -> None:
    """Planted in a function of ours: another temperature, a wrong layout, and a wrong gradient."""
    (pair,) = (pair for pair in pairs() if pair.package == "reinmax")
    good = outcomes(pair, pair.ours)

    def planted(sample: object) -> set[str]:
        found = outcomes(pair, replace(pair.ours, sample=sample))  # type: ignore[arg-type]
        return {name for name, outcome in found.items() if outcome.right != good[name].right}

    own = pair.ours.sample
    assert planted(lambda p, tau: own(p, tau * 3)) == {"mean gradient, by enumeration"}
    assert "transposed and expanded parameters" in planted(
        lambda p, tau: own({"logits": p["logits"].view(-1, 3)}, tau).view(p["logits"].shape)
    )
    assert "masked category" in planted(lambda p, tau: own({"logits": p["logits"].clamp(-1)}, tau))
    assert "rare value in bfloat16" in planted(
        lambda p, tau: own(
            {"logits": (p["logits"] * (2 if p["logits"].dtype == torch.bfloat16 else 1))}, tau
        )
    )


def test_written_numbers_are_those_found(rows: list[peers.Row]) -> None:
    text = "\n".join(peers.written(rows))
    for package, number in installed().items():
        assert f"{package} {number}" in text
    pair: Pair = rows[0].pair
    own = [
        row for row in rows if row.pair is pair and None not in (row.theirs.right, row.ours.right)
    ]
    line = next(line for line in text.splitlines() if pair.theirs.name in line)
    counted = [int(to_float(cell)) for cell in line.split("|")[2:5]]
    assert counted == [
        len(own),
        sum(row.theirs.right is True for row in own),
        sum(row.ours.right is True for row in own),
    ]
