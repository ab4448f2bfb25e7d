"""The reader of the claims files names every mistake with its file and key."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax.claims import FUNCTIONS, SCHEMAS, guide, load
from reinrelax.cli import main
from reinrelax.errors import ConfigError
from tests.conftest import ROOT
from tests.helpers.claims import EXACT, METRIC, ORDERING

GOOD: dict[str, Any] = {
    "paper": "p",
    "subject": "trainings",
    "rule": ORDERING,
    "minimum": {**EXACT, "seeds": 5},
    "settings": "report/reference/table5_hyperparameters.csv",
    "claims": [
        {
            **{"id": "x", "judge": "every_below", "place": "t", "metric": METRIC, "statement": "s"},
            **{"lower": ["ReinMax"], "higher": ["ST"], "places": ["8x4"]},
        }
    ],
}


def without(key: str) -> Callable[[dict[str, Any]], None]:
    def remove(mapping: dict[str, Any]) -> None:
        del mapping[key]

    return remove


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(extra=1), r"bad\.yaml\.extra: unknown key"),
        (without("rule"), r"bad\.yaml\.rule: missing"),
        (lambda c: c["rule"].update(margin=1), r"rule\.margin: unknown key; allowed: level"),
        (lambda c: c["rule"].update(level="high"), r"rule\.level: must be a number; got 'high'"),
        (lambda c: c["minimum"].pop("epochs"), r"minimum\.epochs: missing"),
        (
            lambda c: c["claims"][0].update(judge="guess"),
            r"claims\[0\]\.judge: unknown function 'guess'",
        ),
        (lambda c: c["claims"].append("x"), r"claims\[1\]\.judge: unknown function 'x'"),
        (lambda c: c["claims"][0].update(lwoer=[]), r"claims\[0\]\.lwoer: unknown key"),
        (lambda c: c["claims"][0].pop("higher"), r"claims\[0\]\.higher: missing"),
        (
            lambda c: c["claims"][0].update(higher=[]),
            r"claims\[0\]\.higher: must name at least one",
        ),
        (
            lambda c: c["claims"][0].update(higher="ST"),
            r"claims\[0\]\.higher: must be a list; got 'ST'",
        ),
        (
            lambda c: c["claims"][0].update(higher=["SST"]),
            r"claims\[0\]\.higher: unknown estimator 'SST'",
        ),
        (
            lambda c: c["claims"][0].update(higher=["ReinMax"]),
            r"higher: ReinMax is also in lower",
        ),
        (
            lambda c: c["claims"][0].update(places=["8by4"]),
            r"claims\[0\]\.places: latent shape '8by4'",
        ),
        (
            lambda c: c["claims"][0].update(metric="loss"),
            r"claims\[0\]\.metric: must be one of train_nelbo",
        ),
        (
            lambda c: c["claims"][0].update(at_least=2),
            r"claims\[0\]\.at_least: must be from 1 to 1; got 2",
        ),
        (lambda c: c["claims"].append(c["claims"][0]), "two claims have the id 'x'"),
        (lambda c: c.update(settings="nowhere.csv"), r"nowhere\.csv: cannot be read"),
        (lambda c: c.update(claims=[]), "contains no claims"),
        (lambda c: c.update(claims=None), "claims: must be a list; got None"),
    ],
)
def test_a_mistake_in_a_claims_file_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert len(load(tmp_path, SCHEMAS, ROOT)) == 1
    change(content)
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, SCHEMAS, ROOT)


MEASURED: dict[str, Any] = {
    **{
        "paper": "p",
        "subject": "measurements",
        "rule": ORDERING,
        "minimum": {"figure1": {}, "rl_curves": {}},
    },
    "claims": [
        {
            **{"id": "y", "judge": "less", "place": "t", "statement": "s", "table": "figure1"},
            **{"lower": [{"label": "ReinMax, τ 1.0"}], "higher": [{"estimator": "ST"}]},
        }
    ],
}


@pytest.mark.parametrize(
    ("key", "pick"),
    [
        ("lower", [{"label": "ReinMx"}]),
        ("lower", [{"label": "ReinMx, τ 1.0"}]),
        ("higher", [{"estimator": "SST"}]),
        ("where", {"estimator": ["ST", "SST"]}),
        ("where", {"latents": "ReinMax"}),
        ("where", {"relaxation": "HardConcret"}),
        ("where", {"algorithm": "A3C"}),
        ("where", {"environment": "Taxi-v3"}),
    ],
)
def test_a_name_that_no_table_can_have_is_an_error(tmp_path: Path, key: str, pick: Any) -> None:
    content = yaml.safe_load(yaml.safe_dump(MEASURED))
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert len(load(tmp_path, SCHEMAS, ROOT)) == 1
    content["claims"][0][key] = pick
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"claims\[0\]\.{key}\.\w+: unknown '.*'; known: .*, "):
        load(tmp_path, SCHEMAS, ROOT)


def test_all_mistakes_are_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "report", tmp_path / "report")
    main_of = ["claims", "--project", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main(main_of)
    assert ended.value.code in (None, 0)
    assert capsys.readouterr().out.endswith("findings: no errors\n")
    for name, content in (("a", GOOD), ("b", MEASURED)):
        content = yaml.safe_load(yaml.safe_dump(content))
        entry = content["claims"][0]
        content["claims"].append({**entry, "id": f"{name}2", "lower": 3})
        del entry["place"], entry["statement"]
        entry |= {"smallest": "much", "lwoer": [], "type": "odd"}
        (tmp_path / f"report/claims/{name}.yaml").write_text(
            yaml.safe_dump(content), encoding="utf-8"
        )
    (tmp_path / "report/claims/c.yaml").write_text("paper: p\nextra: 1\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(main_of)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    for name in ("a", "b"):
        for words in (
            *(
                "claims[0].place: missing",
                "claims[0].statement: missing",
                "claims[0].lwoer: unknown key",
            ),
            *("claims[0].smallest: must be a number", "claims[0].type: must be one of"),
            "claims[1].lower: must be a list",
        ):
            assert f"{name}.yaml: {words}" in said
    for key in (
        "extra: unknown",
        "subject: missing",
        "rule: missing",
        "minimum: missing",
        "claims: missing",
    ):
        assert f"c.yaml.{key}" in said


def test_the_guide_to_claims_has_every_function_as_it_is() -> None:
    """Stale after a function, or the claim that is its example, has changed: see the head of
    `guide`.
    """
    page = (ROOT / guide.PAGE).read_text(encoding="utf-8")
    words, line, functions = page.partition(guide.LINE)
    assert line + functions == guide.functions(ROOT)
    for name, (function, schema) in FUNCTIONS.items():
        assert function.__doc__
        part = functions.split(f"\n### `{name}`\n")[1].split("\n### ")[0]
        assert "```yaml" in part
        assert all(f"`{key}`" in part for key in (*schema.required, *schema.optional, *schema.rule))
    for key in ("minimum", "findings.yaml", "together", "make limits", "at_least", "smallest"):
        assert key in words
