"""Some of the experiments, asked for by `only`: what is planned, and a page of what was run."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from reinrelax.config.load import Config
from reinrelax.errors import ConfigError
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies
from reinrelax.results.commands import recompute
from tests.conftest import ROOT
from tests.helpers.pages import Text, build, flat
from tests.helpers.synthetic import write_results, write_studies

Load = Callable[..., Config]


def names(config: Config) -> list[str]:
    return [job.name for job in jobs(config).values()]


def test_what_is_asked_for_is_planned_as_it_is_among_all(load_config: Load) -> None:
    everything = load_config()
    whole = {**cells(everything), **studies(everything)}
    for name in everything.experiments:
        own = load_config(only={"experiments": [name]})
        asked = [job for job in whole if job.split("/")[0] in (name, f"{name}-run")]
        if name == "gradients":
            asked = [job for job in asked if not job.startswith("gradients-run")]
        assert names(own) == asked
        assert asked
        found = {**cells(own), **studies(own)}
        assert all(found[job].fingerprint == whole[job].fingerprint for job in asked)
        assert names(own.whole) == list(whole)


def test_latent_shapes_and_estimators_choose_among_trainings(load_config: Load) -> None:
    assert names(
        load_config(only={"experiments": ["elbo"], "shapes": ["8x4"], "estimators": ["ST"]})
    ) == ["elbo/8x4/ST"]
    both = load_config(only={"experiments": ["rl", "elbo"], "estimators": ["ReinMax-CV-run"]})
    assert {name.split("/")[0] for name in names(both)} == {"elbo-run", "rl"}
    of_any = names(
        load_config(only={"estimators": ["REBAR", "ReinMax"], "shapes": ["2x20", "8x4"]})
    )
    assert "relaxations/2x20/REBAR" in of_any
    assert {name.split("/")[1] for name in of_any} == {"2x20", "8x4"}
    assert not [name for name in of_any if name.startswith(("gradients", "rl", "cost"))]


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ({"experiments": ["elb"]}, r"only\.experiments\[0\]: must be .*, 'elbo', .*; got 'elb'$"),
        ({"experiments": []}, r"only\.experiments: must have at least 1 item, not 0"),
        (
            {"shape": ["8x4"]},
            r"unknown key 'shape' \(meant: shapes\?\); allowed: estimators, experiments, shapes",
        ),
        (
            {"shapes": ["8x5"]},
            r"only\.shapes\[0\]: no requested training has '8x5'; known: 8x4",
        ),
        (
            {"estimators": ["ST", "Mine"]},
            r"only\.estimators\[1\]: .* 'Mine'; known: .*ST.* Add it",
        ),
        (
            {"experiments": ["rl"], "estimators": ["ST"]},
            r"only\.estimators\[0\]: .* known: none",
        ),
        (
            {"estimators": ["REBAR"], "shapes": ["8x4"]},
            "only: none .* at any of these latent shapes",
        ),
    ],
)
def test_what_leaves_nothing_is_named(load_config: Load, only: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(only=only)


@pytest.mark.parametrize(
    ("only", "shown"),
    [
        ({"experiments": ["elbo"], "shapes": ["8x4"], "estimators": ["ST", "ReinMax"]}, 4),
        ({"estimators": ["ReinMax-CV-run"]}, 0),
        ({"experiments": ["identities"]}, 1),
        ({"experiments": ["rl"]}, 3),
        ({"experiments": ["gradients-run", "relaxations"]}, 6),
    ],
)
def test_the_page_is_of_what_was_run(load_config: Load, only: dict[str, Any], shown: int) -> None:
    config = load_config(only=only)
    write_results(config, flat)
    write_studies(config)
    html = build(config)
    words = Text(html).text
    assert "Nothing to show" not in words
    for name in ("report.html", "details.html"):
        own = (config.folder / name).read_text(encoding="utf-8")
        assert "not in this configuration" not in Text(own.split('id="both-papers"')[0]).text
    assert "Not complete" not in words
    assert ", 0 missing, 0 unreadable" in words
    assert html.count('<p class="scale">') == (shown or html.count('<p class="scale">')) > 0
    said = ", ".join(f"{key}: {', '.join(values)}" for key, values in only.items())
    assert f"Requested only {said}" in words
    assert f"--config 'only={{{next(iter(only))}: [" in recompute(config, "report.html", ROOT)
    assert recompute(config, "report.html", ROOT).split(" --force")[0] in unescape(html)
