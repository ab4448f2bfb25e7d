"""Blocks of the configuration: mistakes in words, values as they were given, and the schema for
editors.
"""

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from reinrelax.config import load as configuration
from reinrelax.config import schema
from reinrelax.config.load import Config
from reinrelax.errors import ConfigError
from reinrelax.jobs.runs import run_table
from tests.conftest import ROOT, merge


def test_all_mistakes_are_told_at_once_and_the_nearest_key_is_named(
    raw_config: dict[str, Any],
) -> None:
    experiments = raw_config["experiments"]
    experiments["elbo"] |= {"epoch": 3, "draws": 0}
    experiments["elbo"].pop("epochs")
    experiments["rl"] |= {"algorithms": ["PPO"], "gamma": "x", "checkpoints": [0, 0]}
    raw_config["only"] = {"shape": ["8x4"], "shapes": []}
    with pytest.raises(ConfigError) as caught:
        configuration.load(raw_config, ROOT)
    assert str(caught.value).splitlines() == [
        "only.shapes: must have at least 1 item, not 0; got []",
        "only: unknown key 'shape' (meant: shapes?); allowed: estimators, experiments, shapes",
        "experiments.elbo: missing epochs",
        "experiments.elbo.draws: must be >= 1; got 0",
        (
            "experiments.elbo: unknown key 'epoch' (meant: epochs?); allowed: as_run, batch_size,"
            " draws, epochs, estimators, hidden, latent_shapes, seeds, vary"
        ),
        (
            "experiments.rl.algorithms[0]: unknown algorithm 'PPO'; known: REINFORCE, A2C, RELAX, "
            "RELAX-unnormalised, RELAX-untrained, LAX"
        ),
        "experiments.rl.gamma: must be of type number; got 'x'",
        "experiments.rl.checkpoints: must not have a value twice; got [0, 0]",
    ]
    raw_config["machine"] = {name: -1 for name in raw_config["machine"]}
    raw_config["dataset"] = {name: -1 for name in raw_config["dataset"]}
    with pytest.raises(ConfigError) as caught:
        configuration.load(raw_config, ROOT)
    assert len(str(caught.value).splitlines()) == 10


def test_what_is_read_stays_as_it_was_given(load_config: Callable[..., Config]) -> None:
    """A 1 is no 1.0 in a hash of settings, however it is meant."""
    taus = {
        "copula": {"tau": 1},
        "decoupled": {"logits": [2, 2.0, -1]},
        "identities": {"betas": [0, 0.5]},
    }
    config = load_config(
        experiments={**taus, "grid": {"vary": {"ReinMax-CV": {"tau": [1], "eta": [2.0, 3]}}}},
        settings={"ST": {"any": {"tau": 3}}},
    )
    assert repr(config.demonstrations["copula"].tau) == "1"
    assert repr(config.demonstrations["decoupled"].logits) == "(2, 2.0, -1)"
    assert repr(config.identities.betas) == "(0, 0.5)"
    runs = run_table(config)
    own = {run.hyper for run in runs if (run.experiment, run.estimator) == ("grid", "ReinMax-CV")}
    assert sorted(map(repr, own)) == [
        "(('draws', 3), ('eta', 2.0), ('tau', 1))",
        "(('draws', 3), ('eta', 3), ('tau', 1))",
    ]
    assert {
        repr(run.hyper) for run in runs if (run.experiment, run.estimator) == ("elbo", "ST")
    } == {"(('tau', 3),)"}


def test_the_schema_that_editors_read_is_what_the_blocks_give() -> None:
    text = (ROOT / schema.FILE).read_text(encoding="utf-8")
    assert text == schema.text(), "run `make format`"
    assert f"$schema={schema.FILE}\n" in (ROOT / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        (
            {
                "experiments": {"elbo": {"as_run": [], "seeds": [3, 1]}},
                "only": {"experiments": ["rl"]},
            },
            True,
        ),
        ({"sead": 1}, False),
        ({"machine": {"device": "tpu"}}, False),
        ({"dataset": {"train_images": 0}}, False),
        ({"experiments": {"elbo": {"seeds": []}}}, False),
        ({"experiments": {"elbo": {"latent_shapes": ["8x4", "8x4"]}}}, False),
        ({"experiments": {"gradients": {"training": {"as_run": ["ST"]}}}}, False),
        ({"experiments": {"relaxations": {"latents": {"REBAR": {"eta": 1.0}}}}}, False),
        ({"experiments": {"grid": {"vary": {"any": {"draws": [1]}}}}}, False),
        ({"settings": {"ReinMax": {"any": {"tau": 0}}}}, False),
        ({"only": {"experiments": ["elb"]}}, False),
    ],
)
def test_an_editor_marks_what_a_run_refuses(
    raw_config: dict[str, Any], change: dict[str, Any], valid: bool
) -> None:
    known = yaml.safe_load((ROOT / schema.FILE).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(known)
    raw = copy.deepcopy(raw_config)
    merge(raw, change)
    assert jsonschema.Draft202012Validator(known).is_valid(raw) == valid
    if valid:
        configuration.load(raw, ROOT)
    else:
        with pytest.raises(ConfigError):
            configuration.load(raw, ROOT)


def test_every_key_of_an_experiment_says_what_it_is() -> None:
    """Of a block whose keys are blocks, these do."""
    known = yaml.safe_load(schema.text())["$defs"]
    for name, block in known.items():
        for key, entry in block.get("properties", {}).items():
            if (
                name not in ("Experiments", "Latents")
                and key != "latent_shape"
                and "$ref" not in entry
            ):
                assert "description" in str(entry), (name, key)
