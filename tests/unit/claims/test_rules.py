"""What verdicts hang on is part of the result: an edited limit, number, finding or erratum is
named.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reinrelax.claims import history, rules
from reinrelax.reporting import difference_page, overview
from tests.conftest import ROOT

# A file, what is replaced in it, by what, and the rule that says another thing then.
EDITS = {
    "a claim's limit": (
        "claims/beyond-reinmax-figure1.yaml",
        "at_least: 9",
        "at_least: 2",
        "B-F1-01",
    ),
    "a printed number": (
        *("reference/table1_gradient_std.csv", "ST,", "ST,1"),
        "report/reference/table1_gradient_std.csv",
    ),
    "a finding": ("findings.yaml", "headline: true", "headline: false", "finding "),
    "an erratum": (
        "errata/beyond-reinmax-theory.yaml",
        "kind: error",
        "kind: ambiguity",
        "erratum ",
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is judged by, outside git."""
    shutil.copytree(ROOT / "report", tmp_path / "report")
    return tmp_path


def edit(project: Path, file: str, before: str, after: str) -> None:
    path = project / "report" / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def unseen(project: Path) -> list[str]:
    found = history.judged_by(project)
    return found["rule"][found["commit"] == ""].tolist()


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_rule_is_named_without_git(project: Path, name: str) -> None:
    assert unseen(project) == []
    *change, rule = EDITS[name]
    edit(project, *change)
    (found,) = unseen(project)
    assert found.startswith(rule)
    (notice,) = overview.rule_notices(history.judged_by(project), [])
    assert notice.title == "Judged by 1 rule in no known commit:"
    assert f"as they are here: {found}. " in notice.text
    assert notice.command == "make limits"


def test_a_rule_of_a_file_changes_all_that_it_judges_and_words_change_none(project: Path) -> None:
    edit(
        project, "claims/beyond-reinmax-figure1.yaml", "statement: ", "statement: In other words, "
    )
    assert unseen(project) == []
    edit(
        project,
        "claims/beyond-reinmax-figure1.yaml",
        "not_reproduced_to: 0.05",
        "not_reproduced_to: 0.5",
    )
    assert len(unseen(project)) > 10


def test_a_rule_that_is_gone_is_named(project: Path) -> None:
    (project / "report/reference/table1_gradient_std.csv").unlink()
    (notice,) = overview.rule_notices(history.judged_by(project), [])
    assert "removed: report/reference/table1_gradient_std.csv" in notice.text
    (project / history.TABLE).unlink()
    (notice,) = overview.rule_notices(history.judged_by(project), [])
    assert notice.title.startswith(
        f"Judged by {len(rules.current(project)):,} rules in no known commit"
    )
    assert " more. Claims" in notice.text


def test_rules_that_are_younger_than_results_are_counted() -> None:
    lines = [
        ("X", "2026-01-02T00:00:00+00:00"),
        ("finding F", "2026-01-04T00:00:00+00:00"),
        ("erratum E", "2026-01-04T01:00:00+02:00"),
        ("erratum D", "2026-01-05T00:00:00+00:00"),
        ("report/reference/t.csv", "2026-01-04T00:00:00+00:00"),
    ]
    table = pd.DataFrame(
        [{"rule": rule, "says": "{}", "date": date, "commit": "c"} for rule, date in lines]
    )
    jobs = [
        {"started": at} for at in ("2026-01-03T00:00:00+00:00", "", "2026-01-09T00:00:00+00:00")
    ]
    (notice,) = overview.rule_notices(table, jobs)
    assert notice.title == "4 of 5 rules set after the first of these results."
    assert overview.rule_notices(table, []) == []


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str, Path], Path]:
    """A results folder that holds nothing but what it was judged by."""

    def make(name: str, project: Path) -> Path:
        tables = tmp_path / name / "tables"
        tables.mkdir(parents=True)
        history.judged_by(project).to_csv(tables / "rules.csv", index=False)
        (tables / "jobs.csv").write_text("job,state\n", encoding="utf-8")
        (tables / "claims.json").write_text(json.dumps([]), encoding="utf-8")
        return tables.parent

    return make


def test_two_folders_differ_in_the_rules_by_which_they_were_judged(
    project: Path, folder: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    for *change, _ in EDITS.values():
        edit(project, *change)
    before, after, same = folder("a", ROOT), folder("b", project), folder("c", ROOT)
    page = difference_page.write_difference(before, after, tmp_path / "diff.html", ROOT)
    text = page.read_text(encoding="utf-8")
    for words in (
        "B-F1-01",
        "at_least",
        "report/reference/table1_gradient_std.csv",
        "line 3",
        "headline",
    ):
        assert words in text
    assert "<b>4</b> <span>rules or printed tables differ" in text
    assert "Nothing has changed" not in text
    page = difference_page.write_difference(before, same, tmp_path / "diff.html", ROOT)
    assert "Nothing has changed" in page.read_text(encoding="utf-8")
    (same / "tables/rules.csv").unlink()
    page = difference_page.write_difference(before, same, tmp_path / "diff.html", ROOT)
    assert "not compared: no rules.csv in B" in page.read_text(encoding="utf-8")
