"""Configuration: what is accepted, and that every mistake is named with its key."""

import copy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax.config import load as configuration
from reinrelax.config.load import GRADIENTS, Config
from reinrelax.config.specs import Setting
from reinrelax.core.types import LatentShape
from reinrelax.errors import ConfigError
from reinrelax.estimators import lookup
from reinrelax.jobs.runs import cells, run_table
from reinrelax.jobs.studies import studies
from tests.conftest import ROOT, merge

BAD = [
    ({"scale": "../up"}, r"scale: must be a name of a-z, 0-9 and -.*; got '../up'"),
    ({"scale": 3}, "scale: must be of type string; got 3"),
    ({"sead": 1}, "configuration: unknown key 'sead'; allowed: dataset, experiments"),
    (
        {"dataset": {"name": "cifar"}},
        (
            "dataset.name: unknown data set 'cifar'; known: mnist, fashion-mnist, omniglot, digits,"
            " folder"
        ),
    ),
    ({"dataset": {"train_images": 0}}, "dataset.train_images: must be >= 1 or null; got 0"),
    (
        {"dataset": {"train_images": 10**8}},
        "dataset.train_images: must be <= 10000000 or null; got 100000000",
    ),
    (
        {"dataset": {"train_images": "all"}},
        "dataset.train_images: must be of type integer or null; got 'all'",
    ),
    ({"dataset": {"folder": "x"}}, "dataset: unknown key 'folder'; allowed: name, root"),
    ({"dataset": None}, "dataset: must be of type object; got None"),
    ({"products": "float16"}, "products: must be 'float32' or 'bfloat16'; got 'float16'"),
    ({"machine": {"device": "tpu"}}, "machine.device: must be 'auto', 'cpu' or 'cuda'; got 'tpu'"),
    ({"machine": {"container": None}}, "machine.container: must be of type string; got None"),
    ({"machine": {"threads": True}}, "machine.threads: must be of type integer; got True"),
    ({"experiments": {"elbo": {"seeds": 0}}}, "experiments.elbo.seeds: must be >= 1; got 0"),
    (
        {"experiments": {"elbo": {"epochs": 1.5}}},
        "experiments.elbo.epochs: must be of type integer; got 1.5",
    ),
    ({"experiments": {"elbo": {"estimators": []}}}, "experiments.elbo.estimators"),
    (
        {"experiments": {"elbo": {"estimators": ["ReinMaxx"]}}},
        r"experiments.elbo.estimators\[0\]: unknown estimator 'ReinMaxx'; known: ST,",
    ),
    (
        {"experiments": {"elbo": {"latent_shapes": ["8x4", "8*4"]}}},
        r"experiments.elbo.latent_shapes\[1\]: latent shape '8\*4' is not of the form CxL",
    ),
    ({"experiments": {"elbo": {"latent_shapes": ["1x4"]}}}, "at least 2 categories"),
    (
        {"experiments": {"elbo": {"batch_size": 301}}},
        "batch_size must be at most dataset.train_images = 300; got 301",
    ),
    (
        {"settings": {"ReinMax": {"any": {"tau": 0}}}},
        "settings.ReinMax.any.tau: must be > 0; got 0",
    ),
    (
        {"settings": {"ReinMax": {"8x4": {"tau": float("nan")}}}},
        "settings.ReinMax.8x4.tau: must be a finite number",
    ),
    (
        {"settings": {"ReinMax": {"any": {"eta": 1.0}}}},
        "settings.ReinMax.8x4.eta: ReinMax does not take it",
    ),
    (
        {"settings": {"ReinMax": {"8by4": {"tau": 1.0}}}},
        "settings.ReinMax.8by4: latent shape '8by4'",
    ),
    ({"settings": {"Nope": {}}}, "settings.Nope: unknown estimator 'Nope'"),
    ({"settings": {"ST": {"any": {"optimizer": "SGD"}}}}, "must be 'Adam' or 'RAdam'; got 'SGD'"),
    ({"settings": {"ST": {"any": {"learning_rate": -1}}}}, "learning_rate: must be > 0; got -1"),
    ({"settings_table": "nowhere.csv"}, "settings_table: .*nowhere.csv is not a readable table"),
    ({"settings_as_run": "nowhere.csv"}, "settings_as_run: .*nowhere.csv is not a readable table"),
    (
        {"experiments": {"elbo": {"as_run": ["ReinMax-CV"]}}},
        (
            r"elbo.as_run\[0\]: settings_as_run has no row for 'ReinMax-CV'; it has rows for ST,"
            r" ReinMax-Rao-run, "
        ),
    ),
    (
        {"experiments": {"early": {"as_run": ["Nope"]}}},
        r"early.as_run\[0\]: unknown estimator 'Nope'",
    ),
    (
        {"experiments": {"gradients": {"training": {"as_run": ["ST"]}}}},
        "gradients.training: unknown key 'as_run'; allowed: batch_size, draws, epochs, ",
    ),
    (
        {"experiments": {"readings": {"vary": {"ReinMaxx": {"tau": [1.0]}}}}},
        "experiments.readings.vary.ReinMaxx: unknown estimator 'ReinMaxx'",
    ),
    (
        {"experiments": {"readings": {"vary": {"ReinMax": {"eta": [1.0]}}}}},
        "experiments.readings: settings.ReinMax.8x4.eta: ReinMax does not take it",
    ),
    (
        {"experiments": {"grid": {"vary": {"any": {"gamma": [1]}}}}},
        "unknown key 'gamma'; allowed: beta, eta",
    ),
    (
        {"experiments": {"gradients": {"training": {"latent_shapes": ["8x16"]}}}},
        r"training.latent_shapes\[0\]: 8x16 has more than 65536 codes",
    ),
    (
        {"experiments": {"gradients": {"training": {"estimators": ["ST", "ReinMax"]}}}},
        "experiments.gradients.training.estimators: must have at most 1 item, not 2; got",
    ),
    *(
        (
            {"experiments": {name: {"images": 400}}},
            f"{name}.images: must be at most .* = 300; got 400",
        )
        for name in GRADIENTS
    ),
    (
        {"experiments": {"gradients-run": {"first": 3}}},
        "gradients-run.first: must be at most training.epochs = 2; got 3",
    ),
    (
        {"experiments": {"gradients-run": {"training": {"latent_shapes": ["8x16"]}}}},
        r"experiments.gradients-run.training.latent_shapes\[0\]: 8x16 has more than 65536 codes",
    ),
    (
        {"experiments": {"identities": {"shapes": ["16x12"]}}},
        r"identities.shapes\[0\]: 16x12 has more than 65536",
    ),
    ({"experiments": {"cost": {"latent_shape": "x"}}}, "cost.latent_shape: latent shape 'x'"),
    (
        {"experiments": {"rl": {"environments": {"Pong-v5": [9]}}}},
        (
            "experiments.rl.environments.Pong-v5: unknown environment 'Pong-v5'; known:"
            " CartPole-v1, Taxi-v4, "
        ),
    ),
    (
        {"experiments": {"rl": {"algorithms": ["RELAX", "PPO"]}}},
        r"experiments.rl.algorithms\[1\]: unknown algorithm 'PPO'; known: REINFORCE, A2C, RELAX, ",
    ),
    (
        {"experiments": {"rl": {"checkpoints": [0, 4]}}},
        "rl.checkpoints: must be at most .* = 3; got 4",
    ),
    ({"experiments": {"rl": {"gamma": 1.5}}}, "experiments.rl.gamma: must be <= 1; got 1.5"),
    ({"experiments": {"rl": {"rollouts": 1}}}, "experiments.rl.rollouts: must be >= 2; got 1"),
    (
        {"experiments": {"elbo": {"estimators": ["REINFORCE"]}}},
        "settings.REINFORCE.8x4: learning_rate, optimizer missing in settings_table and here",
    ),
]


@pytest.mark.parametrize(("change", "says"), BAD)
def test_mistakes_are_named(
    load_config: Callable[..., Config], change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(**change)


def test_missing_keys_are_named(raw_config: dict[str, Any]) -> None:
    del raw_config["machine"]["threads"]
    with pytest.raises(ConfigError, match="machine: missing threads"):
        configuration.load(raw_config, ROOT)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [1", b"- 1\n- 2\n"])
def test_unreadable_files_are_named(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    from reinrelax.cli import main

    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        main(["plan", "--config", str(path)])
    assert stopped.value.code == 1
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("scale", [None, "paper", "test"])
def test_shipped_scales_are_valid(scale: str | None) -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    if scale:
        merge(
            raw,
            yaml.safe_load((ROOT / f"workflow/scales/{scale}.yaml").read_text(encoding="utf-8")),
        )
    config = configuration.load(raw, ROOT)
    assert config.scale == (scale or "quick")
    if scale != "test":
        assert sum(cell.first.experiment == "elbo" for cell in cells(config).values()) == 42
    if scale == "paper":
        runs = run_table(config)
        assert {run.train_images for run in runs} == {None}
        counts = Counter((run.experiment, run.epochs) for run in runs)
        assert counts == {
            ("early", 20): 420,
            ("early-run", 20): 90,
            ("elbo", 160): 420,
            ("elbo-run", 160): 90,
            ("beta", 50): 2 * 3 * 29 * 3,
            ("beta-run", 50): 29 * 3,
            ("grid", 160): 6 * (80 + 70),
            ("readings", 160): 21 * 10,
            ("gradients", 50): 1,
            ("gradients-run", 50): 10,
            ("relaxations", 10): 34 * 3,
        }
        assert config.gradients["gradients"].snapshots == tuple(range(0, 51, 5))
        assert config.gradients["gradients-run"].snapshots == (1, *range(5, 51, 5))
        (as_run,) = config.trainings["gradients-run"].settings.values()
        assert as_run == (Setting("Adam", 0.0005, (("tau", 1.0),)),)


def test_run_table_holds_table_5(load_config: Callable[..., Config]) -> None:
    shapes = ["64x8"]
    config = load_config(
        experiments={"elbo": {"estimators": ["Gumbel-Rao", "ReinMax-CV"], "latent_shapes": shapes}}
    )
    rao, cv = (
        next(r for r in run_table(config) if r.estimator == name)
        for name in ("Gumbel-Rao", "ReinMax-CV")
    )
    assert (rao.optimizer, rao.learning_rate, dict(rao.hyper)) == (
        "Adam",
        0.0007,
        {"tau": 2.0, "draws": 3},
    )
    assert dict(cv.hyper) == {"tau": 0.7, "eta": 1.5, "draws": 3}
    assert rao.shape == LatentShape(64, 8)


def test_what_the_authors_ran_differently_is_trained_beside_what_they_print() -> None:
    """Exactly the cells of Tables 2 and 3 where formula or settings differ, and each differs."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/paper.yaml").read_text(encoding="utf-8")))
    config = configuration.load(raw, ROOT)
    printed, run = config.trainings["elbo"], config.trainings["elbo-run"]
    shapes = ("8x4", "4x24", "8x16", "16x12", "64x8", "10x30")
    assert {(name, str(shape)) for name, shape in run.settings} == {
        ("ST", "10x30"),
        *(("ReinMax-Rao-run", shape) for shape in ("4x24", "10x30")),
        *(("ReinMax-CV-run", shape) for shape in shapes),
    }
    assert (run.seeds, run.epochs, run.draws) == (printed.seeds, printed.epochs, printed.draws)
    changed = {}
    for (name, shape), (setting,) in run.settings.items():
        (before,) = printed.settings[lookup(name).variant_of or name, shape]
        old = {
            "optimizer": before.optimizer,
            "learning_rate": before.learning_rate,
            **dict(before.hyper),
        }
        new = {
            "optimizer": setting.optimizer,
            "learning_rate": setting.learning_rate,
            **dict(setting.hyper),
        }
        changed[name, str(shape)] = {key: new[key] for key in old if old[key] != new[key]}
    assert {place: change for place, change in changed.items() if change} == {
        ("ST", "10x30"): {"learning_rate": 0.007},
        ("ReinMax-CV-run", "4x24"): {"optimizer": "Adam"},
        ("ReinMax-CV-run", "10x30"): {"eta": 1.0},
    }
    # The same function with other settings is no other estimator, but is another experiment.
    st = {cell.name for cell in cells(config).values() if str(cell.first.shape) == "10x30"}
    assert {"elbo/10x30/ST", "elbo-run/10x30/ST", "early/10x30/ST", "early-run/10x30/ST"} <= st
    assert {str(shape) for _, shape in config.trainings["beta-run"].settings} == {"8x4"}


def test_without_a_list_nothing_is_trained_as_run(raw_config: dict[str, Any]) -> None:
    for block in raw_config["experiments"].values():
        block.pop("as_run", None)
    found = [
        name for name in configuration.load(raw_config, ROOT).trainings if name.endswith("-run")
    ]
    assert found == ["gradients-run"]


def test_settings_take_precedence_by_how_specific_they_are(
    load_config: Callable[..., Config],
) -> None:
    own = {
        "REINFORCE-LOO": {
            "any": {"optimizer": "Adam", "learning_rate": 0.1, "samples": 4},
            "4x24": {"samples": 2},
        }
    }
    config = load_config(settings=own, experiments={"elbo": {"estimators": ["REINFORCE-LOO"]}})
    runs = [run for run in run_table(config) if run.experiment == "elbo"]
    samples = {str(run.shape): dict(run.hyper)["samples"] for run in runs}
    assert samples == {"8x4": 4, "4x24": 2}


def test_run_ids_and_fingerprints_depend_on_what_matters(
    load_config: Callable[..., Config],
) -> None:
    base = load_config()
    ids = [run.run_id for run in run_table(base)]
    assert len(set(ids)) == len(ids)
    same = load_config(machine={"threads": 2, "checkpoint_every_epochs": 7}, scale="other")
    assert [run.run_id for run in run_table(same)] == ids
    more = load_config(experiments={"elbo": {"seeds": 3}})
    assert set(ids) < {run.run_id for run in run_table(more)}
    longer = load_config(experiments={"elbo": {"epochs": 3}})
    elbo = {run.run_id for run in run_table(base) if run.experiment in ("elbo", "elbo-run")}
    assert set(ids) - {run.run_id for run in run_table(longer)} == elbo
    one = load_config(settings={"ST": {"8x4": {"tau": 0.9}}})
    changed = {
        n for n, cell in cells(one).items() if cell.fingerprint != cells(base)[n].fingerprint
    }
    assert changed == {"elbo/8x4/ST"}


def test_varied_values_are_rows_of_one_cell(load_config: Callable[..., Config]) -> None:
    grid = {
        "vary": {
            "ReinMax-Rao": {"learning_rate": [0.1, 0.2], "tau": [0.5, 1.0, 2.0]},
            "any": {"eta": [0.3]},
        }
    }
    config = load_config(experiments={"grid": {**grid, "seeds": 2}})
    rows = cells(config)["grid/8x4/ReinMax-Rao"].runs
    points = Counter((run.learning_rate, dict(run.hyper)["tau"]) for run in rows)
    assert points == {(rate, tau): 2 for rate in (0.1, 0.2) for tau in (0.5, 1.0, 2.0)}
    assert {run.optimizer for run in rows} == {"Adam"}
    # Values for any estimator reach those that take them, and give way to an estimator's own.
    assert {dict(run.hyper)["eta"] for run in cells(config)["grid/8x4/ReinMax-CV"].runs} == {
        0.5,
        1.5,
    }


def test_a_reading_is_run_with_the_settings_of_what_it_is_a_reading_of(
    load_config: Callable[..., Config],
) -> None:
    names = ["ReinMax-CV", "ReinMax-CV-matched", "ReinMax-RK2", "Gumbel-Rao-differentiated"]
    readings = {"estimators": names, "vary": {"ReinMax-RK2": {"beta": [0.5]}}}
    config = load_config(experiments={"readings": readings})
    rows = {run.estimator: run for run in run_table(config) if run.experiment == "readings"}
    assert rows["ReinMax-CV-matched"].hyper == rows["ReinMax-CV"].hyper
    assert rows["ReinMax-RK2"].hyper == (("beta", 0.5),)
    assert dict(rows["Gumbel-Rao-differentiated"].hyper)["tau"] == 0.5
    own = {"ReinMax-CV": {"8x4": {"eta": 0.2}}, "ReinMax-CV-matched": {"8x4": {"tau": 0.9}}}
    config = load_config(experiments={"readings": readings}, settings=own)
    rows = {run.estimator: run for run in run_table(config) if run.experiment == "readings"}
    assert dict(rows["ReinMax-CV-matched"].hyper) == {"tau": 0.9, "eta": 0.2, "draws": 3}


# What the tests' scale learns in, with the steps after which episodes are cut.
PLACES = ("CartPole-v1-70", "Taxi-v4-30", "Acrobot-v1-10")


def test_studies_depend_on_their_own_settings(load_config: Callable[..., Config]) -> None:
    def changed(**changes: Any) -> set[str]:
        base, other = studies(load_config()), studies(load_config(**changes))
        return {name for name in base if base[name].fingerprint != other[name].fingerprint}

    assert set(studies(load_config())) == {
        *("gradients/epoch-0", "gradients/epoch-2", "identities", "cost"),
        *("gradients-run/epoch-1", "gradients-run/epoch-2"),
        *("copula", "bridge", "decoupled", "properties", "library"),
        *(f"rl/{place}/{name}" for place in PLACES for name in ("REINFORCE", "RELAX")),
    }
    gradients = {"gradients/epoch-0", "gradients/epoch-2"}
    assert changed(experiments={"gradients": {"samples": 64}}) == gradients
    assert changed(experiments={"gradients": {"training": {"seeds": 2}}}) == gradients
    as_run = {"gradients-run/epoch-1", "gradients-run/epoch-2"}
    assert changed(experiments={"gradients-run": {"random_images": False}}) == as_run
    assert changed(experiments={"identities": {"functions": 4}}) == {"identities"}
    assert changed(experiments={"cost": {"rounds": 3}}) == {"cost"}
    assert changed(experiments={"copula": {"tau": 0.2}}) == {"copula"}
    assert changed(experiments={"bridge": {"random": 4}}) == {"bridge"}
    assert changed(experiments={"library": {"samples": 1001}}) == {"library"}
    assert changed(dataset={"train_images": 200}) == {*gradients, *as_run, "cost"}
    learned = {name for name in studies(load_config()) if name.startswith("rl/")}
    assert changed(experiments={"rl": {"rollouts": 4}}) == learned
    assert not changed(experiments={"rl": {"environments": {"CartPole-v1": [70, 20]}}})
    assert not changed(machine={"threads": 2}, experiments={"elbo": {"seeds": 5}})


def test_what_gradients_are_not_asked_for_is_not_in_their_settings(
    load_config: Callable[..., Config],
) -> None:
    """So that a new possibility leaves the hash of all studies that do not use it, and what is
    published.
    """
    found = studies(load_config())
    asked = {
        "training",
        "epoch",
        "last",
        "images",
        "samples",
        "draws",
        "resamples",
        "figure1",
        "table1",
    }
    assert set(found["gradients-run/epoch-2"].settings) == {*asked, "random_images"}
    assert set(found["gradients/epoch-2"].settings) == {
        *asked,
        *("sweep", "control_taus", "control_etas", "betas"),
    }


def test_latent_variables_take_each_value_in_turn(load_config: Callable[..., Config]) -> None:
    own = {"Top-k": {"latent_shape": "12x1", "tau": [0.1, 0.5], "k": [2, 3]}}
    config = load_config(experiments={"relaxations": {"latents": own, "seeds": 2}})
    parts = [cells(config)[f"relaxations/12x1/Top-k.{part}"].runs for part in (1, 2)]
    rows = [run for part in parts for run in part]
    points = Counter((dict(run.hyper)["tau"], dict(run.hyper)["k"]) for run in rows)
    assert points == {(tau, k): 2 for tau in (0.1, 0.5) for k in (2, 3)}
    assert {(run.optimizer, run.learning_rate) for run in rows} == {("Adam", 0.001)}
    # Replicas share their counts: a job holds one k.
    assert [{dict(run.hyper)["k"] for run in part} for part in parts] == [{2}, {3}]


def test_samples_of_an_estimator_are_not_mixed_in_a_job(load_config: Callable[..., Config]) -> None:
    vary = {"REINFORCE-LOO": {"samples": [2, 4]}}
    given = {"REINFORCE-LOO": {"any": {"optimizer": "Adam", "learning_rate": 0.1}}}
    config = load_config(
        settings=given,
        experiments={
            "grid": {"estimators": ["REINFORCE-LOO"], "vary": vary, "latent_shapes": ["8x4"]}
        },
    )
    own = [
        cell.runs
        for name, cell in cells(config).items()
        if name.startswith("grid/8x4/REINFORCE-LOO.")
    ]
    assert [{dict(run.hyper)["samples"] for run in runs} for runs in own] == [{2}, {4}]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            {"Nobody": {"latent_shape": "2x20"}},
            "latents: unknown key 'Nobody'; allowed: Binomial, ",
        ),
        (
            {"REBAR": {"latent_shape": "2x20", "tau": 0.5, "eta": 1}},
            "REBAR: unknown key 'eta'; allowed: latent_shape, tau",
        ),
        (
            {"REBAR": {"latent_shape": "4x20", "tau": 0.5}},
            "REBAR.latent_shape: must have 2 categories, .*; got 4x20",
        ),
        (
            {"Poisson": {"latent_shape": "2x20", "tau": 0.5}},
            "Poisson.latent_shape: must have more than 2 categories",
        ),
        (
            {"Poisson": {"latent_shape": "8x20", "tau": [1, 0]}},
            r"Poisson.tau\[1\]: must be > 0; got 0",
        ),
    ],
)
def test_wrong_latent_variables_are_named(
    load_config: Callable[..., Config], own: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(experiments={"relaxations": {"latents": own}})


def test_a_missing_setting_of_latent_variables_is_named(raw_config: dict[str, Any]) -> None:
    del raw_config["experiments"]["relaxations"]["latents"]["REBAR"]["tau"]
    with pytest.raises(ConfigError, match=r"latents\.REBAR: missing tau"):
        configuration.load(raw_config, ROOT)


def test_cells_split_where_asked(load_config: Callable[..., Config]) -> None:
    config = load_config(machine={"max_replicas_per_job": 2}, experiments={"elbo": {"seeds": 5}})
    sizes = {name: len(cell.runs) for name, cell in cells(config).items() if "8x4/ST" in name}
    assert sizes == {"elbo/8x4/ST.1": 2, "elbo/8x4/ST.2": 2, "elbo/8x4/ST.3": 1}


def test_load_does_not_change_its_input(raw_config: dict[str, Any]) -> None:
    before = copy.deepcopy(raw_config)
    configuration.load(raw_config, ROOT)
    assert raw_config == before
