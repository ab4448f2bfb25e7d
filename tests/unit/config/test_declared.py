"""What an experiment says of itself reaches all that must know of it, and nothing else names it."""

import json
import subprocess
import sys
from pathlib import Path

from reinrelax.config.declared import CAPTIONS, EXPERIMENTS, REPORT
from reinrelax.reporting.figures import FIGURES
from reinrelax.reporting.sections import VIEWS, words
from tests.conftest import ROOT

MADE_UP = """
from pydantic import Field
from pydantic.dataclasses import dataclass

from reinrelax.core.block import BLOCK
from reinrelax.core.experiment import SIMULATION, Experiment, Table

@dataclass(frozen=True, config=BLOCK)
class Dice:
    throws: int = Field(ge=1, description="how often they are thrown")

def measure(spec):
    return {"dice": [{"face": 1, "value": spec.throws}]}

FIGURES = {"dice": measure}

EXPERIMENTS = (
    Experiment(
        "dice",
        "Dice that are thrown",
        "Just Relax It!",
        spec=Dice,
        measure="dice.experiment:measure",
        seconds=lambda settings: 2.0 * settings["throws"],
        rests_on=SIMULATION,
        writes={"dice": {"face": int, "value": float}},
        tables=(Table("dice", ("face",), caption="**Dice**: faces."),),
        figures={"dice": "**Dice**: drawn."},
        drawn_by="dice.experiment",
        views={"a-dice": "dice.experiment:measure"},
    ),
)
"""
ASK = """
import json, sys
from pathlib import Path
import reinrelax.experiments
reinrelax.experiments.__path__.append(sys.argv[1])
from reinrelax.config import declared, load
from reinrelax.display.tables import read_table
from reinrelax.execution import estimates
from reinrelax.jobs.studies import studies
from reinrelax.reporting.figures import FIGURES
from reinrelax.reporting.sections import VIEWS
from reinrelax.config import schema
from reinrelax.errors import ConfigError
from tests.conftest import ROOT, raw_at

raw, said = raw_at("test"), []
for block in ({"throws": 0}, {"throw": 3}, {"throws": 3}):
    raw["experiments"]["dice"] = block
    try:
        config = load.load(raw, ROOT)
    except ConfigError as error:
        said += str(error).splitlines()
study = studies(config)["dice"]
path = Path(sys.argv[1], "dice.csv")
path.write_text("face,value,other\\n1,3,4\\n")
print(json.dumps({
    "purpose": declared.PURPOSES["dice"],
    "columns": list(declared.COLUMNS["dice"]),
    "filled": declared.FILLED_BY["dice"],
    "rests": declared.RESTS_ON["dice"],
    "keys": declared.KEYS["dice"],
    "types": [str(kind) for kind in read_table(path).dtypes[:2]],
    "captions": [declared.CAPTIONS[kind, "dice"] for kind in ("table", "figure")],
    "tables": [path.stem for path in study.tables],
    "modules": study.modules,
    "settings": study.settings,
    "seconds": estimates.estimate(config, study, []) - estimates.STARTUP_SECONDS,
    "drawn": "dice" in FIGURES,
    "viewed": len(VIEWS["a-dice"]),
    "said": said,
    "explained": "how often they are thrown" in schema.text(),
}))
"""


def test_a_study_that_is_only_declared_is_known_everywhere(tmp_path: Path) -> None:
    (tmp_path / "dice").mkdir()
    (tmp_path / "dice/__init__.py").touch()
    (tmp_path / "dice/experiment.py").write_text(MADE_UP, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "purpose": "Dice that are thrown",
        "columns": ["face", "value"],
        "filled": "dice",
        "rests": "simulation of a toy problem",
        "keys": ["face"],
        "types": ["int64", "int64"],
        "captions": ["**Dice**: faces. Scale: {scale}.", "**Dice**: drawn. Scale: {scale}."],
        "tables": ["dice"],
        "modules": ["reinrelax.experiments.dice.experiment"],
        "settings": {"throws": 3},
        "seconds": 6.0,
        "drawn": True,
        "viewed": 1,
        "said": [
            "experiments.dice.throws: must be >= 1; got 0",
            "experiments.dice: missing throws",
            "experiments.dice: unknown key 'throw' (meant: throws?); allowed: throws",
        ],
        "explained": True,
    }


def test_a_study_is_named_in_its_folder_and_where_it_is_asked_for_and_judged() -> None:
    """Of the correlated Bernoulli; what else speaks of a copula means the distribution."""
    law = ("distributions", "latents", "experiments/properties")
    allowed = tuple(f"src/reinrelax/{folder}/" for folder in (*law, "experiments/copula"))
    configuration = ("workflow/scales/", "workflow/schemas/")
    paths = [
        path for folder in ("src", "workflow", "profiles") for path in (ROOT / folder).rglob("*.*")
    ]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (*paths, ROOT / "Snakefile")
        if path.suffix != ".pyc" and b"copula" in path.read_bytes().lower()
    }
    assert [name for name in found if not name.startswith((*allowed, *configuration))] == []
    assert "src/reinrelax/experiments/copula/experiment.py" in found


def test_names_are_given_once_and_what_is_named_is_there() -> None:
    every = (*EXPERIMENTS.values(), REPORT)
    for names in (
        [table.name for one in every for table in one.tables],
        [figure for one in every for figure in one.figures],
    ):
        assert len(set(names)) == len(names)
    # Those of speed are drawn from the timings of the project.
    assert set(FIGURES) == {name for kind, name in CAPTIONS if kind == "figure"} - {
        "speed",
        "scaling",
    }
    assert set(VIEWS) <= {raw["id"] for _, raw in words(ROOT)}
    for one in every:
        columns = [set(columns) for name, columns in one.writes.items()]
        assert all(columns), one.name
    assert all(
        caption.startswith("**") and caption.count("**") == 2 for caption in CAPTIONS.values()
    )
