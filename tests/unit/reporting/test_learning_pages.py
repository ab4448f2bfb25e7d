"""What the page shows of agents that learn, from results that were planted."""

from collections.abc import Callable
from typing import Any

import pytest

from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from reinrelax.display.table_reader import TableReader
from reinrelax.experiments.policy_gradient import page as learning_views
from reinrelax.reporting import collect, figures
from reinrelax.reporting.sections import with_rows
from tests.conftest import ROOT
from tests.helpers.synthetic import write_studies

Load = Callable[..., Config]
AGENTS = ["REINFORCE", "A2C", "RELAX", "LAX"]


@pytest.fixture
def collected(load_config: Load) -> Callable[..., TableReader]:
    """Tables and figures of the agents that learn, of those studies whose name passes."""

    def make(only: Callable[[str], bool] = lambda name: True, **changes: Any) -> TableReader:
        changes = {"algorithms": AGENTS, "seeds": 4, "episodes": 60, **changes}
        config: configuration.Config = load_config(experiments={"rl": changes})
        write_studies(config, only=lambda name: name.startswith("rl/") and only(name))
        collect.write_tables(config, ROOT)
        figures.write_figures(config, ROOT)
        return TableReader(config, ROOT)

    return make


def test_every_agent_and_environment_has_a_row(collected: Callable[..., TableReader]) -> None:
    tables = {table.id: table for table in learning_views.believed(collected())}
    agents = [row for name, table in tables.items() if "scores" in name for row in table.rows]
    assert len(agents) >= 9
    words = " ".join(cell.text for table in tables.values() for row in table.rows for cell in row)
    for name in ("CartPole-v1", "Taxi-v4", "Acrobot-v1", "REINFORCE", "A2C", "RELAX"):
        assert name in words


def test_sentences_are_not_judged_below_their_scale(collected: Callable[..., TableReader]) -> None:
    found = collected()
    marks = {
        cell.mark.text
        for table in learning_views.believed(found)
        for row in table.rows
        for cell in row
        if cell.mark is not None
    }
    assert marks <= {"not run", "not tested at this scale", "ambiguous in the paper"}
    assert marks


def test_a_missing_agent_is_missing_and_nothing_else(collected: Callable[..., TableReader]) -> None:
    found = collected(only=lambda name: not name.endswith("/A2C"))
    algorithms = {line["algorithm"] for line in found.lines("rl_summary")}
    assert algorithms == {"REINFORCE", "RELAX", "LAX"}
    assert learning_views.believed(found)
    assert "missing" in found.progress("rl")


def test_nothing_has_no_tables(collected: Callable[..., TableReader]) -> None:
    found = collected(only=lambda name: False)
    tables = [*learning_views.printed(found), *learning_views.variants(found)]
    assert {table.id for table in tables if not table.rows} == {"rl-variants-scores"}
    assert all(table.rows for table in with_rows(tables))
