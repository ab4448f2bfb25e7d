"""What differs between two results folders: planted changes are found, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reinrelax.config.declared import FILLED_BY
from reinrelax.config.load import Config
from reinrelax.errors import ResultsError
from reinrelax.reporting import collect, difference
from reinrelax.reporting.difference_page import write_difference
from tests.conftest import ROOT
from tests.helpers.pages import to_be_changed
from tests.helpers.synthetic import noise, write_results, write_studies

Load = Callable[..., Config]


def table(*rows: str) -> pd.DataFrame:
    head, *lines = [row.split(",") for row in rows]
    return pd.DataFrame(lines, columns=head)


def claim(name: str, verdict: str = "reproduced", **changes: Any) -> dict[str, Any]:
    measured = {
        "effect": 0.1,
        "low": 0.0,
        "high": 0.2,
        "holding": None,
        "failing": None,
        "seeds": 5,
        "diverged": 0,
    }
    return {
        "id": name,
        "statement": f"{name} holds.",
        "verdict": verdict,
        "paper": "P",
        **measured,
        **changes,
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of everything, at the tests' scale."""
    from reinrelax.config import load as configuration
    from tests.conftest import merge

    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    merge(raw, yaml.safe_load((ROOT / "workflow/scales/test.yaml").read_text(encoding="utf-8")))
    raw["results"] = str(tmp_path_factory.mktemp("results"))
    config = configuration.load(raw, ROOT)
    write_results(config, lambda run: (140 + noise(run), 142.0))
    write_studies(config)
    collect.write_tables(config, ROOT)
    (config.folder / "config.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return config.folder


@pytest.fixture
def pair(results: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The same folder twice; the second is to be changed."""
    return results, Path(shutil.copytree(results, tmp_path / "other"))


def page(pair: tuple[Path, Path]) -> str:
    path = pair[1].parent / "diff.html"
    assert write_difference(*pair, path, ROOT) == path
    return path.read_text(encoding="utf-8")


def test_every_table_names_its_rows(results: Path) -> None:
    for path in (results / "tables").glob("*.csv"):
        found = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert path.stem in difference.KEYS, f"{path.stem} needs its columns in KEYS"
        keys = list(difference.KEYS[path.stem])
        assert not found.duplicated(keys).any(), path
    assert set(difference.KEYS) == {*FILLED_BY, "jobs", "rates", "rules", "claims"}


def test_identical_folders_have_changed_in_nothing(pair: tuple[Path, Path]) -> None:
    text = page(pair)
    assert "Nothing has changed" in text
    assert 'id="table-' not in text
    assert "partial" not in text
    assert "scales differ" not in text


def test_rows_are_matched_by_name_and_not_by_place() -> None:
    before = table("estimator,latent,mean", "ST,8x4,1.5", "STGS,8x4,2", "ReinMax,8x4,3")
    after = table("estimator,latent,mean,new", "ReinMax,8x4,3.0,a", "ST,8x4,1.25,b", "CV,8x4,4,c")
    found = difference.tables("table2", before, after)
    assert found.same == found.rounded == 1
    (change,) = found.changes.itertuples()
    assert (change.row, change.column, change.before, change.after) == (
        ("ST", "8x4"),
        "mean",
        "1.5",
        "1.25",
    )
    assert change.difference == -0.25
    assert change.size == pytest.approx(1 / 6)
    assert found.only == ([("STGS", "8x4")], [("CV", "8x4")])
    assert found.columns == ([], ["new"])
    assert not found.equal


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ("1", "1.0", False),
        ("0.0", "-0.0", False),
        ("3.0000000000000004", "3", False),
        ("1", "1.00000001", True),
        ("", "1", True),
        ("inf", "1", True),
        ("near", "reproduced", True),
    ],
)
def test_rounding_is_no_difference_and_absence_is(before: str, after: str, differs: bool) -> None:
    found = difference.tables("table4", *(table("estimator,x", f"ST,{x}") for x in (before, after)))
    assert found.changes.empty != differs
    assert found.equal != differs


def test_rows_of_one_name_are_told_apart_and_a_table_that_is_not_known_is_compared_whole() -> None:
    before = table("estimator,x", "ST,1", "ST,2")
    found = difference.tables("table4", before, table("estimator,x", "ST,1", "ST,3"))
    assert [(change.row, change.before, change.after) for change in found.changes.itertuples()] == [
        (("ST (no. 2)",), "2", "3")
    ]
    other = difference.tables("mine", before, table("estimator,x", "ST,1"))
    assert other.only == ([("ST", "2")], [])
    none = difference.tables("mine", before, table("y", "1"))
    assert none.only == ([("2",)], [])


def test_verdicts_that_changed_and_claims_that_came_went_or_were_renamed() -> None:
    before = [
        claim("a"),
        claim("b", effect=1.0),
        claim("gone"),
        claim("old", statement="Said twice."),
    ]
    after = [
        claim("a", "near"),
        claim("b", effect=2.0),
        claim("come"),
        claim("new", statement="Said twice."),
    ]
    found = difference.claims(before, after)
    assert [(a["verdict"], b["verdict"]) for a, b in found.changed] == [("reproduced", "near")]
    assert (found.same, found.moved) == (2, 1)
    assert [[c["id"] for c in only] for only in found.only] == [["gone"], ["come"]]
    assert [(a["id"], b["id"]) for a, b in found.renamed] == [("old", "new")]
    assert difference.claims(before, before).equal


def test_jobs_are_grouped_by_what_differs_and_a_missing_one_says_no_more() -> None:
    before = table(
        "job,state,commit,epochs,host",
        "a,done,1,4,x",
        "b,done,1,4,x",
        "c,done,1,4,x",
        "d,done,1,4,x",
    )
    after = table(
        "job,state,commit,epochs,host",
        "a,done,2,4,y",
        "b,done,2,8,y",
        "c,missing,,,",
        "e,done,1,4,x",
    )
    found = difference.jobs(before, after)
    assert [tuple(row) for row in found.changes.iloc[:, :4].itertuples(index=False)] == [
        (("a",), "commit", "1", "2"),
        (("b",), "epochs", "4", "8"),
        (("b",), "commit", "1", "2"),
        (("c",), "state", "done", "missing"),
    ]
    assert found.same == 0
    assert found.only == ([("d",)], [("e",)])


def test_settings_are_compared_entry_by_entry() -> None:
    before, after = {"a": {"b": 1, "c": [1]}, "d": 0}, {"a": {"b": 2, "c": [1]}, "e": {"f": 1}}
    assert difference.settings(before, after) == [
        ("a.b", 1, 2),
        ("d", 0, None),
        ("e", None, {"f": 1}),
    ]


def test_a_folder_of_before_has_its_jobs_in_two_tables(pair: tuple[Path, Path]) -> None:
    tables = pair[1] / "tables"
    (tables / "checksums.json").unlink()
    jobs = pd.read_csv(tables / "jobs.csv", dtype=str, keep_default_na=False)
    for name, word, own in (
        ("cells", "cell", jobs["estimator"] != ""),
        ("studies", "study", jobs["estimator"] == ""),
    ):
        jobs[own].rename(columns={"job": word}).to_csv(tables / f"{name}.csv", index=False)
    (tables / "jobs.csv").unlink()
    assert "Nothing has changed" in page(pair)


def test_planted_changes_are_on_the_page(pair: tuple[Path, Path]) -> None:
    to_be_changed(pair[1])
    other = pair[1] / "tables"
    rows = pd.read_csv(other / "table2.csv", dtype=str, keep_default_na=False)
    trained = int((rows["mean"] != "").idxmax())
    rows.loc[trained, "mean"] = str(float(rows.loc[trained, "mean"]) + 1.5)
    rows.loc[trained, "reason"] = "<script>alert(1)</script>"
    rows.to_csv(other / "table2.csv", index=False)
    stated = json.loads((other / "claims.json").read_text())
    stated[0] |= {"verdict": "near", "effect": 0.75, "statement": "<b>bold</b> & claimed"}
    (other / "claims.json").write_text(json.dumps(stated))
    jobs = pd.read_csv(other / "jobs.csv", dtype=str, keep_default_na=False)
    jobs.loc[:1, "commit"] = "f" * 40
    jobs.loc[2, "state"] = "missing"
    jobs.to_csv(other / "jobs.csv", index=False)
    (other / "rl_curves.csv").unlink()
    settings = yaml.safe_load((pair[1] / "config.yaml").read_text())
    settings["scale"] = "other"
    (pair[1] / "config.yaml").write_text(yaml.safe_dump(settings))
    text = page(pair)
    assert "+1.50" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; claimed" in text
    assert "+0.75" in text
    assert "ffffffffffff" in text
    assert "B is partial" in text
    assert "A test and B other" in text
    assert "Tables only in A: <code>rl_curves</code>" in text
    assert 'id="table-table3"' not in text
    assert "Nothing has changed" not in text


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("tables/table2.csv", 'a,b\n"', r"table2.csv: cannot be read .* and run snakemake again"),
        ("tables/jobs.csv", None, r"jobs.csv: cannot be read .* and run snakemake again"),
        ("tables/claims.json", "[", r"claims.json: cannot be read .* and run snakemake again"),
        (
            "tables/claims.json",
            '[{"id": 1}]',
            r"claims.json: has no column 'statement'. Delete it and run snakemake",
        ),
        (
            "tables/jobs.csv",
            "x\n1\n",
            r"jobs.csv: has no column 'job'. Delete it and run snakemake",
        ),
        (
            "config.yaml",
            "a: [",
            (
                r"(?s)config.yaml: cannot be read as settings .* Delete it; settings are then not"
                r" compared"
            ),
        ),
        (
            "config.yaml",
            "- a",
            (
                r"(?s)config.yaml: cannot be read as settings .* Delete it; settings are then not"
                r" compared"
            ),
        ),
        (
            "tables",
            None,
            r"tables: missing, .* `python -m reinrelax report --config .*config.yaml`",
        ),
        ("", None, r"other: no such folder. Give two results folders"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_remedy(
    pair: tuple[Path, Path], file: str, content: str | None, says: str
) -> None:
    to_be_changed(pair[1])
    place = pair[1] / file
    if content is not None:
        place.write_text(content, encoding="utf-8")
    elif place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    with pytest.raises(ResultsError, match=says):
        page(pair)
    assert not (pair[1].parent / "diff.html").exists()


def test_a_folder_without_its_configuration_is_compared_all_the_same(
    pair: tuple[Path, Path],
) -> None:
    (pair[1] / "config.yaml").unlink()
    text = page(pair)
    assert "not compared: no config.yaml in B" in text
    assert "A test and B unknown" in text
