"""The reader of the claims files names every mistake with its file and key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reinrelax.claims import SCHEMAS, load
from reinrelax.errors import ConfigError
from tests.claims import EXACT, METRIC, ORDERING
from tests.conftest import ROOT

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
        (lambda c: c["claims"][0].update(judge="guess"), r"claims\[0\]\.judge: unknown function 'guess'"),
        (lambda c: c["claims"].append("x"), r"claims\[1\]\.judge: unknown function 'x'"),
        (lambda c: c["claims"][0].update(lwoer=[]), r"claims\[0\]\.lwoer: unknown key"),
        (lambda c: c["claims"][0].pop("higher"), r"claims\[0\]\.higher: missing"),
        (lambda c: c["claims"][0].update(higher=[]), r"claims\[0\]\.higher: must name at least one"),
        (lambda c: c["claims"][0].update(higher="ST"), r"claims\[0\]\.higher: must be a list; got 'ST'"),
        (lambda c: c["claims"][0].update(higher=["SST"]), r"claims\[0\]\.higher: unknown estimator 'SST'"),
        (lambda c: c["claims"][0].update(higher=["ReinMax"]), r"higher: ReinMax stands in lower too"),
        (lambda c: c["claims"][0].update(places=["8by4"]), r"claims\[0\]\.places: latent shape '8by4'"),
        (lambda c: c["claims"][0].update(metric="loss"), r"claims\[0\]\.metric: must be one of train_nelbo"),
        (lambda c: c["claims"][0].update(at_least=2), r"claims\[0\]\.at_least: must be from 1 to 1; got 2"),
        (lambda c: c["claims"].append(c["claims"][0]), "two claims have the id 'x'"),
        (lambda c: c.update(settings="nowhere.csv"), r"nowhere\.csv: cannot be read"),
        (lambda c: c.update(claims=[]), "holds no claims"),
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
