"""Collected tables: planted answers come back, and what is missing or damaged takes nothing else
with it.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from reinrelax.config.declared import DEMONSTRATIONS
from reinrelax.config.load import Config
from reinrelax.config.run import Run
from reinrelax.core import stats
from reinrelax.display.charts.style import PAPER
from reinrelax.display.tables import read_table
from reinrelax.errors import ResultsError
from reinrelax.jobs.planned import jobs
from reinrelax.jobs.runs import cells
from reinrelax.jobs.studies import studies
from reinrelax.reporting import collect
from reinrelax.results.labels import in_words, labels, over_seeds
from reinrelax.results.read import read_job
from tests.conftest import ROOT
from tests.helpers.synthetic import noise, plausible, write_results, write_studies

Load = Callable[..., Config]

ALWAYS = {"jobs", "rates", "rules", "table2", "table3", "table5", "selection"}
FROM_STUDIES = (
    "table1",
    "table4",
    "figure1",
    "sweep",
    "control",
    "quadrature",
    "example",
    "identities",
)
FROM_STUDIES += tuple(name for one in DEMONSTRATIONS.values() for name in one.writes)
FROM_STUDIES += (
    "rl_scores",
    "rl_summary",
    "rl_improvement",
    "rl_curves",
    "rl_figure3",
    "rl_gradients",
)
FROM_STUDIES += ("table1_run", "figure1_run")
FROM_CELLS = (
    "curves",
    "grid",
    "figure2",
    "figure2_run",
    "figure2_minimum",
    "readings",
    "readings_curves",
)
FROM_CELLS += ("early", "early_last", "early_curves")
FROM_CELLS += ("relaxations", "relaxations_curves", "relaxations_learned")
FROM_IMAGES = ("baseline",)  # which made-up results have not


def flat(run: Run) -> tuple[float, float]:
    return 150 + noise(run), 160 + noise(run)


def table(config: Config, name: str) -> pd.DataFrame:
    return read_table(config.folder / "tables" / f"{name}.csv")


def collected(config: Config, final: Callable[[Run], tuple[float, float]] = flat) -> None:
    write_results(config, final)
    write_studies(config)
    collect.write_tables(config, ROOT)


def test_nothing_there_gives_headers_and_the_papers_settings(of_nothing: Config) -> None:
    config = of_nothing
    for name in (*FROM_STUDIES, *FROM_CELLS):
        assert table(config, name).empty, name
        assert len(table(config, name).columns) > 3, name
    assert set(table(config, "jobs")["state"]) == {"missing"}
    assert list(table(config, "jobs")["job"]) == list(jobs(config))
    published = table(config, "table5").set_index(["estimator", "latent"])
    assert len(published) == 42
    assert published["paper"]["ReinMax-CV", "8x4"] == "Adam, 0.0005, τ 1.0, η 1.5"
    assert published["paper"]["STGS", "8x4"] == "Adam, 0.0003, τ 0.5"
    run = published["as_run"]
    assert run[run != ""].to_dict() == {
        ("ST", "10x30"): "RAdam, 0.007, τ 1.4",
        ("ReinMax-CV", "4x24"): "Adam, 0.0005, τ 1.3, η 1.5",
        ("ReinMax-CV", "10x30"): "RAdam, 0.0005, τ 0.7, η 1.0",
    }
    assert published["points"]["ReinMax-CV", "8x4"] == 2
    assert math.isnan(published["points"]["STGS", "8x4"])


def test_all_tables_are_written_and_headers_do_not_depend_on_what_is_there(
    of_nothing: Config, everything: Config
) -> None:
    config = of_nothing
    names = {path.stem for path in (config.folder / "tables").glob("*.csv")}
    assert names == {*ALWAYS, *FROM_STUDIES, *FROM_CELLS, *FROM_IMAGES}
    empty = {name: list(table(config, name).columns) for name in names}
    config = everything
    assert {name: list(table(config, name).columns) for name in names} == empty
    for name in names - set(FROM_IMAGES):
        assert len(table(config, name)), name


def test_cells_of_all_experiments_are_listed_and_only_elbo_is_judged(load_config: Load) -> None:
    config = load_config()
    # The same estimator at the same shape means something else in every experiment.
    level = {
        "elbo": 150.0,
        "beta": 110.0,
        "grid": 120.0,
        "readings": 130.0,
        "gradients": 140.0,
        "gradients-run": 145.0,
    }
    level |= {
        "relaxations": 160.0,
        "early": 170.0,
        "early-run": 180.0,
        "elbo-run": 190.0,
        "beta-run": 200.0,
    }
    collected(config, lambda run: (level[run.experiment], level[run.experiment] + 10))
    planned = table(config, "jobs").set_index("job")
    trained = planned[planned["estimator"] != ""]
    assert set(trained["experiment"]) == set(level)
    assert trained["settings"]["elbo/8x4/ST"] == "optimizer Adam, learning_rate 0.001, tau 1.3"
    assert trained["settings"]["beta/8x4/ReinMax-RK2"] == (
        "3 settings: optimizer Adam, learning_rate 0.0005, beta 0 to 1"
    )
    assert (
        trained["planned_seeds"]["beta/8x4/ReinMax-RK2"]
        == trained["seeds"]["beta/8x4/ReinMax-RK2"]
        == 6
    )
    judged = table(config, "table2").dropna(subset=["mean"]).set_index("method")
    assert set(judged.loc["as run", "estimator"]) == {"ReinMax-CV"}
    assert judged.loc["as run", "mean"].to_numpy() == pytest.approx(190, abs=3)
    assert set(judged.loc["as run", "job"]) == {
        f"elbo-run/{s}/ReinMax-CV-run" for s in ("8x4", "4x24")
    }
    ours = judged.loc["as printed"]
    assert set(ours["estimator"]) == {"ST", "ReinMax", "ReinMax-CV"}
    assert set(ours["seeds"]) == {2}
    assert ours["mean"].to_numpy() == pytest.approx(150, abs=3)
    assert set(table(config, "curves")["estimator"]) == {"ST", "ReinMax", "ReinMax-CV"}
    config = load_config(scale="other")
    write_results(config, flat, only=lambda cell: not cell.name.startswith("elbo"))
    collect.write_tables(config, ROOT)
    assert table(config, "table2")["mean"].isna().all()
    assert table(config, "curves").empty


def test_table1_has_ratios_to_straight_through(load_config: Load) -> None:
    config = load_config()
    collected(config)
    found = table(config, "table1").set_index(["estimator", "quantity"])
    assert list(dict.fromkeys(found.index.get_level_values(0))) == [
        "ReinMax",
        "ST",
        "ReinMax-Argmax",
    ]
    line = found.loc[("ReinMax", "std_relative")]
    assert line["value"] == pytest.approx(4.0)
    assert (line["low"], line["high"]) == pytest.approx((3.8, 4.2))
    assert line["ratio"] == pytest.approx(4.0 / 0.5)
    assert line["paper_ratio"] == pytest.approx(7.4 / 2.733)
    assert (line["epoch"], line["estimates"], line["images"], line["seeds"]) == (2, 32, 4, 1)


def test_table4_takes_ratios_within_a_round(load_config: Load) -> None:
    config = load_config(experiments={"cost": {"rounds": 3}})
    # A machine that is three times as slow in its second round, and a batch that halves the price.
    slow = {1: 1.0, 2: 3.0, 3: 1.5}

    def seconds(estimator: str, replicas: int, number: int) -> float:
        return (
            slow[number]
            * {"STGS": 2.0, "ReinMax": 5.0}[estimator]
            * (replicas if replicas == 1 else replicas / 2)
        )

    write_studies(config, seconds=seconds)
    collect.write_tables(config, ROOT)
    found = table(config, "table4").set_index("estimator")
    line = found.loc["ReinMax"]
    assert (line["seconds"], line["seconds_low"], line["seconds_high"]) == pytest.approx(
        (7.5, 5.0, 15.0)
    )
    assert (line["ratio"], line["ratio_low"], line["ratio_high"]) == pytest.approx((2.5, 2.5, 2.5))
    assert (line["replicas"], line["batched_seconds"], line["batched_ratio"]) == pytest.approx(
        (2, 3.75, 2.5)
    )
    assert line["paper_ratio"] == pytest.approx(3.62 / 3.45)
    assert found["paper_seconds"]["ReinMax-CV"] == 7.57
    assert math.isnan(found["seconds"]["ReinMax-CV"])


def grid_final(run: Run) -> tuple[float, float]:
    """The lowest point at τ = 1.3 and η = 0.5; a diverging one would be lower still."""
    hyper = dict(run.hyper)
    value = 100 + abs(hyper["tau"] - 1.3) + abs(hyper.get("eta", 0.5) - 0.5)
    return value, value + 2


def test_a_planted_grid_point_is_found_and_the_papers_is_ranked(load_config: Load) -> None:
    vary = {
        "ReinMax-Rao": {"optimizer": ["Adam"], "learning_rate": [0.0005], "tau": [0.7, 1.0, 1.3]},
        "ReinMax-CV": {"tau": [0.7, 1.3], "eta": [0.5, 1.5]},
    }
    config = load_config(experiments={"grid": {"vary": vary, "epochs": 400}})
    write_results(config, grid_final, only=lambda cell: cell.first.experiment == "grid", epochs=[])
    collect.write_tables(config, ROOT)
    points = table(config, "grid")
    rao = points[points["estimator"] == "ReinMax-Rao"]
    assert list(rao["tau"]) == [0.7, 1.0, 1.3]
    assert list(rao["is_best"]) == [False, False, True]
    assert list(rao["is_paper"]) == [False, True, False]
    assert rao["above_best"].to_numpy() == pytest.approx([0.6, 0.3, 0.0], abs=0.02)
    found = table(config, "table5").set_index(["estimator", "latent"])
    line = found.loc[("ReinMax-Rao", "8x4")]
    assert line["best"] == "Adam, 0.0005, τ 1.3"
    assert line["gap"] == pytest.approx(0.3, abs=0.02)
    assert (line["rank"], line["points"], line["finished"], line["diverged"]) == (2, 3, 3, 0)
    assert (line["within_half"], line["in_grid"]) == (2, True)
    line = found.loc[("ReinMax-CV", "8x4")]
    assert line["best"] == "Adam, 0.0005, τ 1.3, η 0.5"
    assert not line["in_grid"]
    assert math.isnan(line["rank"])
    assert found["paper"]["ReinMax", "8x4"] == "Adam, 0.0005, τ 1.3"
    assert math.isnan(found["points"]["ReinMax", "8x4"])


def test_a_diverged_point_is_never_the_best(load_config: Load) -> None:
    config = load_config()
    diverged = [("ReinMax-Rao", "8x4", 0)]
    write_results(
        config, flat, only=lambda cell: cell.first.experiment == "grid", diverged=diverged
    )
    collect.write_tables(config, ROOT)
    points = table(config, "grid").set_index(["estimator", "tau"])
    assert list(points.loc["ReinMax-Rao", "diverged"]) == [1, 1]
    assert not points.loc["ReinMax-Rao", "is_best"].any()
    line = table(config, "table5").set_index(["estimator", "latent"]).loc[("ReinMax-Rao", "8x4")]
    assert (line["diverged"], line["finished"], line["best"]) == (2, 2, "")


def test_a_planted_minimum_over_beta_is_found_with_its_interval(load_config: Load) -> None:
    betas = [0.0, 0.25, 0.5, 0.75, 1.0]
    config = load_config(experiments={"beta": {"vary": {"any": {"beta": betas}}, "seeds": 4}})

    def final(run: Run) -> tuple[float, float]:
        # Seeds differ by far more than β does: only resampling whole curves can tell.
        value = 130 + 20 * (dict(run.hyper)["beta"] - 0.5) ** 2 + 5 * run.seed
        return value, value

    write_results(config, final, only=lambda cell: cell.first.experiment == "beta")
    collect.write_tables(config, ROOT)
    lowest = table(config, "figure2_minimum").set_index("estimator").loc["ReinMax-RK2"]
    assert (lowest["beta"], lowest["low"], lowest["high"], lowest["paper"]) == (
        0.5,
        0.5,
        0.5,
        "about 0.5",
    )
    curve = table(config, "figure2")
    curve = curve[curve["estimator"] == "ReinMax-RK2"]
    assert list(curve["beta"]) == betas
    assert curve["mean"].min() == pytest.approx(lowest["nelbo"])
    assert (curve["ci_high"] - curve["ci_low"] > 5).all()
    # A seed that diverged at the lowest β makes it no minimum.
    path = config.folder / "beta/8x4/ReinMax-RK2.csv"
    rows = pd.read_csv(path)
    rows.loc[(rows["beta"] == 0.5) & (rows["seed"] == 0), ["status", "train_nelbo_nats"]] = [
        "diverged",
        np.nan,
    ]
    rows.to_csv(path, index=False)
    collect.write_tables(config, ROOT)
    assert table(config, "figure2_minimum").set_index("estimator")["beta"]["ReinMax-RK2"] in (
        0.25,
        0.75,
    )


def test_figure1_labels_settings_apart_and_averages_over_seeds(load_config: Load) -> None:
    vary = {"any": {"tau": [1.0]}, "ReinMax-CV": {"tau": [0.1], "eta": [0.5, 1.5]}}
    selection = {"estimators": ["ST", "ReinMax-CV"], "vary": vary}
    config = load_config(
        experiments={"gradients": {"figure1": selection, "training": {"seeds": 3}}}, scale="seeds"
    )
    write_studies(config)
    collect.write_tables(config, ROOT)
    found = table(config, "figure1")
    assert list(dict.fromkeys(found["label"])) == ["ST", "ReinMax-CV, η 0.5", "ReinMax-CV, η 1.5"]
    line = found[
        (found["label"] == "ST") & (found["quantity"] == "variance") & (found["epoch"] == 2)
    ].iloc[0]
    planted = plausible("ST", {"tau": 1.0}, 2, "variance")
    assert line["value"] == pytest.approx(planted * 1.01)
    half = 4.302653 * 0.01 * planted / math.sqrt(3)
    assert (line["high"] - line["value"], line["seeds"]) == pytest.approx((half, 3), rel=1e-4)
    assert found.loc[found["quantity"] == "p_unbiased", "low"].isna().all()


def test_what_was_run_stands_beside_the_authors_means(load_config: Load) -> None:
    """Theirs after epoch 1; ours are planted on ten VAEs that differ by 1% of the first from each
    other.
    """
    config = load_config(experiments={"gradients-run": {"training": {"seeds": 10}}}, scale="ten")
    write_studies(config)
    collect.write_tables(config, ROOT)
    found = table(config, "figure1_run")
    assert set(found["label"]) == {*PAPER[:-1], "ReinMax-CV-run"}
    assert set(found["epoch"]) == {1, 2}
    lines = found.set_index(["label", "quantity", "epoch"])
    line = lines.loc[("ReinMax", "cosine_batch", 1)]
    assert (line["authors_mean"], line["authors_seeds"]) == (0.7718, 10)
    half = 2.262157 * 0.0763 / math.sqrt(10)
    assert line["authors_high"] - line["authors_mean"] == pytest.approx(half, rel=1e-5)
    planted = plausible("ReinMax", {"tau": 1.0}, 1, "cosine_batch")
    ours = planted * (1 + 0.01 * np.arange(10))
    assert line["value"] == pytest.approx(ours.mean())
    expected = stats.difference_interval(ours, 0.7718, 0.0763, 10)
    assert [line[f"difference{end}"] for end in ("", "_low", "_high")] == pytest.approx(
        [expected.estimate, expected.low, expected.high]
    )
    assert lines.loc[("ReinMax", "std_image", 1), "authors_mean"] == 5.794
    # Nothing public: another quantity, ReinMax-CV, an epoch between theirs, and where a mean was
    # zero.
    for place in (
        ("ReinMax", "cosine", 1),
        ("ReinMax-CV-run", "cosine_batch", 1),
        ("ST", "std_image", 2),
    ):
        assert lines.loc[place, ["authors_mean", "difference"]].isna().all(), place
    config = load_config(experiments={"gradients-run": {"training": {"epochs": 15}, "every": 15}})
    write_studies(config)
    collect.write_tables(config, ROOT)
    lines = table(config, "figure1_run").set_index(["label", "quantity", "epoch"])
    assert math.isnan(lines.loc[("STGS", "std_image", 15), "authors_mean"])  # infinite
    assert lines.loc[("STGS", "cosine_batch", 15), "authors_mean"] == 0.4218


def test_gradients_as_run_are_not_those_of_figure1(load_config: Load) -> None:
    config = load_config()
    write_studies(config, only=lambda name: name.startswith("gradients-run/"))
    collect.write_tables(config, ROOT)
    assert table(config, "figure1").empty
    assert table(config, "table1").empty
    as_run = table(config, "table1_run").set_index("estimator")
    assert set(as_run["quantity"]) == {"std_image"}
    assert (as_run["seeds"] == 2).all()
    assert as_run["ratio"]["ST"] == 1
    assert as_run["paper"]["ReinMax"] == 7.4
    write_studies(config, only=lambda name: name.startswith("gradients/"))
    collect.write_tables(config, ROOT)
    assert set(table(config, "table1")["quantity"]) == {"std_relative", "std_root"}


def test_figure2_stands_beside_the_authors_seeds_at_their_shape(load_config: Load) -> None:
    config = load_config(experiments={"beta": {"latent_shapes": ["8x4", "4x24"]}})
    write_results(config, flat, only=lambda cell: cell.name.startswith("beta"))
    collect.write_tables(config, ROOT)
    found, as_run = table(config, "figure2"), table(config, "figure2_run")
    beside = found[found["authors_mean"].notna()]
    assert set(beside["latent"]) == {"8x4"}
    assert set(beside["estimator"]) == {"ReinMax-RK2", "ReinMax-RK2-corrected"}
    assert set(as_run["estimator"]) == {"ReinMax-RK2-run"}
    assert as_run["authors_mean"].notna().all()
    assert set(beside["beta"]) == {0.0, 0.5, 1.0}
    line = beside[beside["beta"] == 0.5].iloc[0]
    assert (line["authors_mean"], line["authors_seeds"]) == (142.967, 5)
    assert line["difference"] == pytest.approx(line["mean"] - 142.967)


def test_several_p_values_become_one_by_bonferroni() -> None:
    rows = pd.DataFrame({"quantity": "p_unbiased", "seed": [0, 1, 2], "value": [0.5, 0.01, 0.9]})
    found = over_seeds(rows, ["quantity"]).iloc[0]
    assert found["value"] == pytest.approx(0.03)
    assert math.isnan(found["low"])


def test_readings_are_held_against_the_estimator_they_read(load_config: Load) -> None:
    names = ["ReinMax", "ReinMax-CV", "ReinMax-CV-tempered", "ReinMax-CV-exchanged"]
    config = load_config(
        experiments={"readings": {"estimators": names, "seeds": 5, "epochs": 160, "draws": 100}},
        dataset={"name": "mnist", "train_images": None, "test_images": None},
    )
    level = {
        "ReinMax": 125.0,
        "ReinMax-CV": 126.0,
        "ReinMax-CV-tempered": 125.1,
        "ReinMax-CV-exchanged": 124.0,
    }
    write_results(
        config,
        lambda run: (level[run.estimator] + 0.01 * run.seed, level[run.estimator] + 2),
        only=lambda cell: cell.first.experiment == "readings",
        epochs=[1],
    )
    collect.write_tables(config, ROOT)
    found = table(config, "readings").set_index("label")
    assert list(found.index) == ["ReinMax, τ 1.3", "ReinMax, τ 1.0", *names[1:]]
    line = found.loc["ReinMax-CV-tempered"]
    assert (line["variant_of"], line["equation"]) == ("ReinMax-CV", "B, Eq. 16 and 18")
    assert line["settings"] == "Adam, 0.0005, τ 1.0, τ_D 1.3, η 1.5, K 100"
    assert (line["paper_train"], line["paper_test"]) == (124.94, 126.63)
    assert line["delta_train"] == pytest.approx(line["train"] - 124.94)
    cv = found[(found.index == "ReinMax-CV") | (found["variant_of"] == "ReinMax-CV")]
    assert list(cv.index[cv["closest"]]) == ["ReinMax-CV-tempered"]
    assert found["comparable"].all()
    assert set(found["why"]) == {""}
    curves = table(config, "readings_curves")
    assert set(curves["label"]) == set(found.index)


def test_readings_below_the_papers_scale_say_why(everything: Config) -> None:
    found = table(everything, "readings")
    assert not found["comparable"].any()
    assert found["why"].str.contains("data set digits").all()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "estimators.csv").write_text(""),
            "cannot be read as a results table",
        ),
        (lambda folder: (folder / "control.csv").unlink(), "is missing, but"),
        (lambda folder: (folder / "record.json").write_text("{"), "provenance cannot be read"),
        (
            lambda folder: (folder / "example.csv").write_text("x,y\n1,2\n"),
            "column 'seed' is missing",
        ),
        (
            lambda folder: (folder / "quadrature.csv").write_text(
                "seed,epoch,rule,beta,quantity,value\n0,0,a,,b,c"
            ),
            "that are not numbers",
        ),
    ],
)
def test_a_damaged_study_is_shown_and_the_rest_stays(
    load_config: Load,
    damage: Callable[[object], object],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        collect, "stated", lambda root: ([], [])
    )  # nothing is judged: that takes most time
    config = load_config()
    write_studies(config)
    damage(config.folder / "gradients/epoch-0")
    collect.write_tables(config, ROOT)
    found = table(config, "jobs").set_index("job")
    assert found["state"]["gradients/epoch-0"] == "unreadable"
    assert message in found["message"]["gradients/epoch-0"]
    assert set(found["state"].drop(["gradients/epoch-0", *cells(config)])) == {"done"}
    for name in ("figure1", "control", "quadrature", "example"):
        assert set(table(config, name)["epoch"]) == {2}, name
    assert found["command"]["gradients/epoch-2"].endswith(
        f"--force {config.folder}/gradients/epoch-2/record.json"
    )


def test_a_stale_study_says_how_to_mend_it(load_config: Load) -> None:
    config = load_config()
    write_studies(config, only=lambda name: name == "cost", fingerprint="f" * 64)
    with pytest.raises(ResultsError, match=r"another configuration or source.*Delete it and rerun"):
        read_job(config, studies(config)["cost"])
    assert read_job(config, studies(config)["identities"]) is None
    collect.write_tables(config, ROOT)
    assert table(config, "jobs").set_index("job")["state"]["cost"] == "unreadable"
    assert table(config, "table4").empty


def test_the_same_results_give_the_same_bytes(of_everything: Config) -> None:
    config = of_everything
    collect.write_tables(config, ROOT)  # a copy names the place that it is of
    first = {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}
    collect.write_tables(config, ROOT)
    assert first == {path.name: path.read_bytes() for path in (config.folder / "tables").iterdir()}


def test_settings_in_words() -> None:
    setting = {
        "optimizer": "RAdam",
        "learning_rate": 0.0007,
        "tau": 1.0,
        "eta": math.nan,
        "draws": 100.0,
    }
    assert in_words(setting) == "RAdam, 0.0007, τ 1.0, K 100"
    rows = pd.DataFrame(
        {"estimator": ["A", "A", "B"], "tau": [1.0, None, 1.0], "eta": [2.0, 2.0, 3.0]}
    )
    assert list(labels(rows, ["tau", "eta"])) == ["A, τ 1.0", "A", "B"]
