"""The errata's queries: what they find, what they refuse, and that those shipped all fit the
tables.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reinrelax import claims
from reinrelax.claims.measured import Measurements
from reinrelax.config import load as configuration
from reinrelax.config.declared import COLUMNS as STUDIED
from reinrelax.config.declared import DEMONSTRATIONS, FILLED_BY, named
from reinrelax.config.load import Config
from reinrelax.display.table_reader import TableReader
from reinrelax.errors import ConfigError
from reinrelax.reporting import collect, errata
from tests.conftest import ROOT
from tests.helpers import toy
from tests.helpers.synthetic import published, write_results, write_studies

Load = Callable[..., Config]

ROWS = [
    {"estimator": "ReinMax-RK2", "latent": latent, "beta": beta, "mean": mean}
    for latent, beta, mean in (
        ("8x4", 0, 150),
        ("8x4", 0.5, 140),
        ("8x4", 1, 145),
        ("8x16", 0, 120),
    )
]
EIGHT = {"table": "figure2", "where": {"latent": "8x4"}, "column": "mean", "digits": 4}
ENTRY = dict.fromkeys(("id", "place", "title", "printed", "ours", "consequence"), "x") | {
    "kind": "error"
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> TableReader:
    """Tables of a project in which nothing has run, but for a few rows of Figure 2."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config = configuration.load({**raw, "results": str(tmp_path_factory.mktemp("errata"))}, ROOT)
    collect.write_tables(config, ROOT)
    toy.write(config.folder, {"figure2": ROWS}, only=["figure2"])
    return TableReader(config, ROOT)


@pytest.fixture
def load(
    collected: TableReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[errata.Erratum]]:
    """Loads entries that are given instead of those shipped."""

    def load(*entries: Any) -> list[errata.Erratum]:
        (tmp_path / "x.yaml").write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
        monkeypatch.setattr(errata, "FOLDER", tmp_path)
        return errata.load(collected)

    return load


def one(load: Callable[..., list[errata.Erratum]], **item: Any) -> errata.Item:
    (entry,) = load({**ENTRY, "numbers": [{"text": "it is {value}", **item}]})
    return entry.numbers[0]


@pytest.mark.parametrize(
    ("reduce", "value"),
    [
        *(
            ("max", "150.0"),
            ("min", "140.0"),
            ("mean", "145.0"),
            ("median", "145.0"),
            ("first", "150.0"),
        ),
        *(
            ("last", "145.0"),
            ("argmin", "140.0"),
            ("argmax", "150.0"),
            ("count", "3.000"),
            ("std", "5.000"),
        ),
    ],
)
def test_each_reducer(load: Callable[..., list[errata.Erratum]], reduce: str, value: str) -> None:
    found = one(load, **EIGHT, reduce=reduce)
    assert (found.text, found.absence) == (f"it is {value}", "")
    assert (found.csv, found.whose) == ("tables/figure2.csv", "")


def test_rows_are_picked_by_number_text_and_list(load: Callable[..., list[errata.Erratum]]) -> None:
    chosen = {"table": "figure2", "column": "mean", "digits": 4}
    assert one(load, **chosen, where={"beta": 0.50}, reduce="only").text == "it is 140.0"
    assert one(load, **chosen, where={"beta": "0.5"}, reduce="only").text == "it is 140.0"
    assert one(load, **chosen, where={"beta": [0, 1]}, reduce="count").text == "it is 3.000"
    assert one(load, **chosen, reduce="count").text == "it is 4.000"
    assert one(load, table="figure2", column="mean", reduce="count").text == "it is 4"


def test_quotients_differences_and_what_else_a_row_tells(
    load: Callable[..., list[errata.Erratum]],
) -> None:
    assert one(load, **EIGHT, reduce="max", minus={"reduce": "min"}).text == "it is 10.00"
    assert (
        one(load, **EIGHT, reduce="max", over={"where": {"latent": "8x16"}}).text == "it is 1.250"
    )
    named = one(load, **{**EIGHT, "text": "{value} at {name}"}, reduce="argmin", name="beta")
    assert named.text == "140.0 at 0.5"
    limits = one(
        load, **{**EIGHT, "text": "{value} [{low}]"}, reduce="first", limits=["beta", "ci_high"]
    )
    assert limits.text == "150.0 [0]"
    printed = one(
        load,
        reference="table3_test_elbo",
        where={"estimator": "ST", "latent": "10x30"},
        column="mean",
        reduce="only",
        minus={"reference": "table2_train_elbo", "where": {"estimator": "ST", "latent": "10x30"}},
    )
    assert (printed.text, printed.csv, printed.whose) == ("it is −0.280", "", "the paper’s numbers")
    public = one(
        load,
        reference="authors_figure2",
        where={"beta": 0.5},
        column="train_mean",
        reduce="only",
        digits=4,
    )
    assert (public.text, public.csv, public.whose) == (
        "it is 143.0",
        "",
        "the authors’ public files",
    )


def test_what_has_not_run_is_never_a_number(load: Callable[..., list[errata.Erratum]]) -> None:
    found = one(load, table="identities", where={"identity": "Theorem 1"}, reduce="max")
    assert found.text == "it is …"
    assert found.absence.startswith(
        "Theorem 1 and the identities: 0 of 1 job done; missing: identities"
    )
    second = one(load, **EIGHT, reduce="max", over={"table": "table4", "column": "seconds"})
    assert second.absence.startswith("Table 4: 0 of 1 job")
    assert one(load, **{**EIGHT, "column": "ci_high"}, reduce="max").absence
    assert one(load, **EIGHT, reduce="max", over={"where": {"beta": 2}}).absence
    assert (
        one(load, **{**EIGHT, "where": {"latent": "8x16"}}, reduce="std").absence
        == "no finite number"
    )


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            {**EIGHT, "reduce": "max", "table": "figure9"},
            r"x\.yaml: x\.numbers\[0\]\.table: unknown .*figure9",
        ),
        (
            {**EIGHT, "reduce": "max", "column": "nelbo"},
            r"numbers\[0\]\.column: figure2 has no column 'nelbo'",
        ),
        ({**EIGHT, "reduce": "max", "where": {"tau": 1}}, r"\.where: figure2 has no column 'tau'"),
        ({**EIGHT, "reduce": "max", "where": [1]}, r"\.where: must map columns to values"),
        (
            {**EIGHT, "reduce": "max", "where": {"estimator": "ReinMacks"}},
            r"\[0\]\.where\.estimator: unknown 'ReinMacks'; known: ",
        ),
        ({**EIGHT, "reduce": "sum"}, r"\.reduce: must be one of only, first"),
        (
            {**EIGHT, "reduce": "only"},
            r"\.reduce: `only` requires one row; 3 rows of figure2 match",
        ),
        ({**EIGHT, "reduce": "max", "scale": 2}, r"numbers\[0\]\.scale: unknown key"),
        ({**EIGHT}, r"numbers\[0\]\.reduce: missing"),
        ({**EIGHT, "reduce": "max", "text": "no number"}, r"\.text: must contain \{value\}"),
        ({**EIGHT, "reduce": "max", "text": "{value} {other}"}, r"\.text: must contain"),
        (
            {**EIGHT, "reduce": "max", "text": "{value} at {name}", "name": "beta"},
            "selects no single row",
        ),
        ({**EIGHT, "reduce": "first", "text": "{value} at {name}"}, r"\.name: must be the column"),
        (
            {**EIGHT, "reduce": "first", "text": "{value} {low}"},
            r"\.limits: figure2 does not have the columns",
        ),
        (
            {**EIGHT, "reduce": "max", "reference": "table2_train_elbo"},
            "either `table` or `reference`",
        ),
        ({"reference": "table9", "reduce": "max"}, r"\.reference: unknown table 'table9'"),
        ({**EIGHT, "reduce": "max", "over": {"reduce": "sum"}}, r"\.over\.reduce: must be one of"),
        ({**EIGHT, "reduce": "max", "over": {"text": "x"}}, r"\.over\.text: unknown key"),
    ],
)
def test_a_wrong_query_is_named(
    load: Callable[..., list[errata.Erratum]], item: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        one(load, **item)


@pytest.mark.parametrize(
    "query",
    [
        *(
            {"table": "figure9"},
            {"reference": "table9"},
            {},
            {"table": "figure2", "reference": "table9"},
        ),
        *(
            {"table": "figure2", "where": wrong}
            for wrong in ([1], {"tau": 1}, {"estimator": "ReinMacks"})
        ),
        {"table": "figure2", "column": "nelbo"},
    ],
)
def test_claims_and_errata_name_one_mistake_in_the_same_words(
    load: Callable[..., list[errata.Erratum]],
    collected: TableReader,
    tmp_path: Path,
    query: dict[str, Any],
) -> None:
    entry = {
        **dict.fromkeys(("id", "place", "statement"), "x"),
        "judge": "unrejected",
        "to": 1,
        **query,
    }
    head = {
        "paper": "B",
        "subject": "measurements",
        "rule": dict.fromkeys(claims.SCHEMAS["unrejected"].rule, 1),
    }
    head |= {"minimum": {"figure2": {}, "figure9": {}}, "claims": [entry]}
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims/c.yaml").write_text(yaml.safe_dump(head), encoding="utf-8")
    tables = {name: collected.table(name) for name in FILLED_BY}
    there = Measurements(tables, collect.references(ROOT), FILLED_BY, pd.DataFrame())

    def read() -> None:
        for claim in claims.load(tmp_path / "claims", claims.SCHEMAS, ROOT):
            there.rows(claim)

    said = []
    for ask in (read, lambda: one(load, **query, reduce="max")):
        with pytest.raises(ConfigError) as caught:
            ask()
        # Behind what asks; sentences and errata know two tables more.
        own = re.split(r"claims\[0\]|claim x|numbers\[0\]", str(caught.value))[1]
        said.append(own.replace(", claims, findings", ""))
    assert said[0] == said[1]


def test_a_wrong_entry_is_named(load: Callable[..., list[errata.Erratum]]) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml: x\.kind: must be one of error"):
        load({**ENTRY, "kind": "slip"})
    with pytest.raises(ConfigError, match=r"x\.yaml: x\.title: missing"):
        load({key: value for key, value in ENTRY.items() if key != "title"})
    with pytest.raises(ConfigError, match=r"x\.yaml: x\.remark: unknown key"):
        load({**ENTRY, "remark": "x"})
    with pytest.raises(ConfigError, match=r"x\.yaml: x: this id is used twice"):
        load(ENTRY, ENTRY)
    with pytest.raises(ConfigError, match=r"x\.yaml: entry 0: must be a mapping"):
        load("x")
    with pytest.raises(ConfigError, match=r"x\.yaml: x\.source: missing"):
        load({**ENTRY, "code": "it adds."})
    with pytest.raises(ConfigError, match=r"x\.yaml: x\.code: missing"):
        load({**ENTRY, "source": "cv"})
    with pytest.raises(
        ConfigError, match=r"x\.yaml: x\.source: unknown 'mine'; .*sources.csv has numerics, cv"
    ):
        load({**ENTRY, "code": "it adds.", "source": "mine"})


def test_what_the_public_code_does_is_said_with_repository_and_commit(
    load: Callable[..., list[errata.Erratum]],
) -> None:
    plain, settled = load(ENTRY, {**ENTRY, "id": "y", "code": "It  adds.", "source": "cv"})
    assert plain.code == ""
    assert settled.code == "It adds (danielwang0452/ReinMax_ASC, commit 756d566)."


def test_toy_tables_have_no_column_that_the_real_ones_lack(load_config: Load) -> None:
    config = load_config()
    collect.write_tables(config, ROOT)
    for name, columns in toy.COLUMNS.items():
        real = pd.read_csv(config.folder / "tables" / f"{name}.csv", nrows=0).columns
        assert set(columns) <= set(real), name


def test_every_entry_that_is_shipped_resolves(load_config: Load) -> None:
    shapes = ["8x4", "4x24", "8x16", "16x12", "64x8", "10x30"]
    agents = ["REINFORCE", "A2C", "RELAX", "RELAX-unnormalised"]
    elbo = {"latent_shapes": shapes, "estimators": ["ST", "ReinMax"]}
    config = load_config(experiments={"elbo": elbo, "rl": {"algorithms": agents}})
    collect.write_tables(config, ROOT)
    entries = errata.load(TableReader(config, ROOT))
    assert len(entries) > 30
    # Nothing has run: only what the paper prints, and what is reckoned from public files, is a
    # number.
    items = [item for entry in entries for item in entry.numbers]
    reckoned = [item for item in items if item.csv == "tables/selection.csv"]
    assert len(reckoned) > 2
    assert not any(item.absence for item in reckoned)
    assert all(bool(item.absence) == bool(item.csv) for item in items if item not in reckoned)
    write_results(
        config, lambda run: published(run, ROOT), only=lambda cell: cell.name.startswith("elbo/")
    )
    write_results(
        config, lambda run: (110.0, 120.0), only=lambda cell: cell.name.startswith("relaxations/")
    )
    write_studies(config, only=lambda name: name.startswith("rl/"))
    collect.write_tables(config, ROOT)
    toy.write(config.folder, toy.everything())
    # Paper A's demonstrations take seconds, so their entries meet what is really written.
    for name, one in DEMONSTRATIONS.items():
        measured = named(one.measure)(config.demonstrations[name])
        for table in one.writes:
            rows = pd.DataFrame(measured[table], columns=list(STUDIED[table]))
            rows.to_csv(config.folder / "tables" / f"{table}.csv", index=False)
    for entry in errata.load(TableReader(config, ROOT)):
        for item in entry.numbers:
            assert item.absence == "", (entry.id, item.text)
            assert "…" not in item.text
            assert "–" not in item.text, (entry.id, item.text)
