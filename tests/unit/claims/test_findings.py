"""Findings and the history of limits: every claim is in one finding, and mistakes are named."""

import csv
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from reinrelax.claims import SCHEMAS, Claim, findings, history, load, power
from reinrelax.claims.model import PrintedNumber
from reinrelax.config.declared import RESTS_ON
from reinrelax.config.load import Config
from reinrelax.core.experiment import THEOREM
from reinrelax.errors import ConfigError, ReinrelaxError
from reinrelax.reporting.collect import FINDINGS
from tests.conftest import ROOT
from tests.helpers.claims import claimed, ordering

CLAIMS = [
    claimed("less", id="X-1"),
    claimed("less", id="X-2"),
    claimed("within", id="X-3"),
    ordering(id="Y-1"),
]


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(dict[str, str], RESTS_ON), "t", THEOREM)


@pytest.fixture(scope="module")
def shipped() -> list[Claim]:
    return load(ROOT / "report/claims", SCHEMAS, ROOT)


def loaded(tmp_path: Path, *entries: Any) -> list[findings.Finding]:
    path = tmp_path / "findings.yaml"
    path.write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return findings.load(path, CLAIMS)


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": "f", "paper": "p", "says": "S.", "claims": ["X-2", "X-*"], **changes}


def test_the_first_claim_leads_and_what_is_together_is_as_good_as_its_least(tmp_path: Path) -> None:
    found, alone = loaded(tmp_path, entry())
    assert found.claims == ("X-2", "X-1", "X-3")
    assert (found.basis, alone.basis) == ("theorem or enumeration", "several seeds")
    verdicts = {"X-1": "not reproduced", "X-2": "reproduced", "X-3": "near", "Y-1": "not run"}
    assert (found.verdict(verdicts), alone.verdict(verdicts)) == ("reproduced", "not run")
    assert loaded(tmp_path, entry(together=True))[0].verdict(verdicts) == "not reproduced"
    assert loaded(tmp_path, entry(judge="within", claims=["X-*"]))[0].claims == ("X-3",)
    # Other readings of what must hold together stand beside it, and leave its verdict as it is.
    several, _ = loaded(tmp_path, entry(claims=["X-2", "X-3"], readings=["X-1"], together=True))
    assert (several.claims, several.leading) == (("X-2", "X-3", "X-1"), 2)
    assert several.verdict(verdicts) == "near"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, r"findings\[0\]\.extra: unknown key"),
        ({"says": ""}, r"findings\[0\]\.says: missing"),
        ({"claims": "X-1"}, r"findings\[0\]\.claims: must be a list of ids"),
        ({"claims": ["Z-*"]}, r"findings\[0\]\.claims: no claim of p has the id 'Z-\*'"),
        ({"readings": "X-1"}, r"findings\[0\]\.readings: must be a list of ids"),
        (
            {"claims": ["X-2"], "readings": ["Z"]},
            r"findings\[0\]\.readings: no claim of p has the id 'Z'",
        ),
        ({"paper": "q"}, r"no claim of q has the id 'X-2'"),
        ({"basis": "faith"}, r"findings\[0\]\.basis: must be one of several seeds"),
        ({"aside": "x"}, r"findings\[0\]\.aside: must be one of the paper’s own tables"),
    ],
)
def test_a_mistake_in_the_file_of_findings_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, entry(**change))


def test_all_mistakes_in_the_file_of_findings_are_named_at_once(tmp_path: Path) -> None:
    entries = [
        entry(extra=1, basis="faith", says=""),
        entry(claims=["Z-1", "Z-2"], readings=["Z-3"]),
        entry(claims=["X-1"]),
        entry(claims=["X-1"]),
        "no mapping",
    ]
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, *entries)
    named = [line.partition(".yaml: findings")[2] for line in str(raised.value).splitlines()]
    assert [line[:13] for line in named] == [
        *("[0].extra: un", "[0].says: mis", "[0].basis: mu"),
        *("[1].claims: n", "[1].claims: n", "[1].readings:"),
        *("[3].id: two f", "[3].claims: X", "[4]: must be "),
    ]


def test_what_replicates_nothing_has_words_of_its_own(tmp_path: Path) -> None:
    verdicts = {"X-1": "reproduced", "X-2": "not reproduced", "X-3": "near", "Y-1": "not run"}
    for aside, words in findings.ASIDES.items():
        found = loaded(tmp_path, entry(claims=["X-1", "X-2"], aside=aside))[0]
        assert (found.word("reproduced"), found.word("not reproduced")) == words
        assert found.verdict(verdicts) == words[0]
        assert found.word("near") == "near"
    plain = loaded(tmp_path, entry(claims=["X-2"]))[0]
    assert plain.verdict(verdicts) == "not reproduced"


def test_readings_may_be_of_any_judging_function(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, entry(judge="within", claims=["X-*"], readings=["X-1"], together=True)
    )[0]
    assert (found.claims, found.leading) == (("X-3", "X-1"), 1)


def test_what_was_sampled_is_no_theorem(shipped: list[Claim]) -> None:
    """Of the study of properties integrals are exact, all else is a simulation."""
    bases = {found.claims[0]: found.basis for found in findings.load(ROOT / FINDINGS, shipped)}
    wanted = {"A-26-BERNOULLI": "simulation of a toy problem", "A-20-KL": "theorem or enumeration"}
    assert {name: bases[name] for name in wanted} == wanted
    assert bases["B-TH-01"] == bases["A-23-INVERSE"] == "theorem or enumeration"


def test_a_claim_stands_in_one_finding_and_names_are_given_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"findings\[1\]\.claims: X-2 is also in f"):
        loaded(tmp_path, entry(claims=["X-2"]), entry(id="g", claims=["X-2"]))
    with pytest.raises(ConfigError, match="two findings have the id 'f'"):
        loaded(tmp_path, entry(claims=["X-1"]), entry(claims=["X-2"]))


def test_every_claim_of_both_papers_is_in_one_finding(shipped: list[Claim]) -> None:
    found = findings.load(ROOT / FINDINGS, shipped)
    counts = Counter(name for finding in found for name in finding.claims)
    assert counts == dict.fromkeys((claim.id for claim in shipped), 1)
    assert len(found) < len(shipped) / 3
    for finding in found:
        assert finding.says.endswith("."), finding.id
    assert {finding.basis for finding in found} == set(findings.BASES)
    assert {finding.aside for finding in found} == {"", *findings.ASIDES}
    for paper in {claim.paper for claim in shipped}:
        assert any(finding.headline for finding in found if finding.paper == paper)


def test_when_limits_were_set_is_that_of_the_claims_as_they_are(shipped: list[Claim]) -> None:
    """Stale after a claim has changed: `make limits`, once the change is committed."""
    at = history.read(ROOT / history.TABLE)
    assert {claim.id for claim in shipped if claim.entry not in at} == set()
    assert {claim.id for claim in shipped if at[claim.entry].limits != claim.limits} == set()
    judged = history.judged_by(ROOT)
    assert judged["rule"][judged["commit"] == ""].tolist() == []
    assert {"finding", "erratum", "report/reference/table2_train_elbo.csv"} <= {
        rule.partition(" ")[0] for rule in judged["rule"]
    }


def test_history_dates_what_is_judged_and_not_its_words(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e", *arguments],
            check=True,
            capture_output=True,
        )

    content: dict[str, Any] = {"subject": "measurements", "minimum": {"t": {}, "u": {}}}

    def commit(**entry: Any) -> None:
        path = tmp_path / "report/claims/x.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        entries = [{"id": "X", "table": "t", **entry}]
        path.write_text(yaml.safe_dump({**content, "claims": entries}), encoding="utf-8")
        git("add", "-A")
        git("commit", "-q", "-m", "m")

    git("init", "-q")
    commit(judge="within", to=1, statement="a")
    first = history.history(tmp_path)["X"]
    commit(judge="within", to=1, statement="b")
    assert history.history(tmp_path)["X"] == first
    commit(judge="within", to=2, statement="b")
    second = history.history(tmp_path)["X"]
    assert (second.limits != first.limits, second.commit != first.commit) == (True, True)
    # What its file says for it counts as well; what it says for others does not.
    content |= {"minimum": {"t": {}, "u": {"seeds": 5}}, "rule": {"smallest": 0.1}}
    commit(judge="within", to=2, statement="b")
    assert history.history(tmp_path)["X"] == second
    for change in ({"rule": {"reproduced_from": 0.9}}, {"minimum": {"t": {"seeds": 5}}}):
        content |= change
        commit(judge="within", to=2, statement="b")
        third = history.history(tmp_path)["X"]
        assert (third.limits != second.limits, third.commit != second.commit) == (True, True)
        second = third
    # A branch on which nothing changed is merged after another commit of its own: that is no
    # change.
    git("checkout", "-q", "-b", "other", "HEAD~1")
    (tmp_path / "report/claims/y.yaml").write_text(yaml.safe_dump({"claims": [{"id": "Y"}]}))
    git("add", "-A")
    git("commit", "-q", "-m", "m")
    git("merge", "-q", "-m", "m", "-")
    assert history.history(tmp_path)["X"] == second
    table = tmp_path / "limits.csv"
    history.write(tmp_path, table)
    assert history.read(table)["X"] == second
    with table.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["entry", "limits", "date", "commit"]
    assert history.read(tmp_path / "absent.csv") == {}
    with pytest.raises(ReinrelaxError, match="cannot read the git history"):
        history.history(tmp_path / "nowhere")


def test_a_plan_below_the_papers_scale_is_said_to_decide_nothing(
    load_config: Callable[..., Config],
) -> None:
    found = power.describe(load_config(), ROOT)
    tables, figure, as_run = found.splitlines()
    assert tables.startswith("Tables 2 and 3: the scale test decides no claim: ")
    assert "epochs (required: 160)" in tables
    for line in (figure, as_run):
        assert line.startswith("Figure 2")
        assert "epochs (required: 50)" in line
    assert "papers' scale" not in found


def test_power_on_figure_2_is_that_of_a_curve(shipped: list[Claim]) -> None:
    """Of the authors' own curve ½ is not the lowest point, and of the one that rises from ½
    it is.
    """
    by_id = {claim.id: claim for claim in power.headlines(ROOT)}
    assert {"B-F2-04", "B-F2-04-RUN", "B-T2-OURS"} <= set(by_id)
    curves = power.curves(ROOT)
    for table, low in (("figure2", 0.5), ("figure2_run", 0.55)):
        betas, means, _ = curves[table]
        assert betas[means.argmin()] == low
    betas, means, _ = curves["figure2"]
    assert means.tolist() == means[::-1].tolist()
    for table, name, reproduced in (
        ("figure2", "B-F2-04", 1.0),
        ("figure2_run", "B-F2-04-RUN", 0.0),
    ):
        betas, means, stds = curves[table]
        found = power.along_curve(by_id[name], 5, (betas, means, stds / 1000), repeats=4)
        assert (found.reproduced, found.refuted) == (reproduced, 1.0)


def test_power_is_that_of_the_printed_numbers() -> None:
    """Five deviations are seen by five seeds nearly always, a hundredth nearly never.

    What five seeds exclude, where nothing differs, is not always below the printed effect, or below
    the smallest that ten seeds would have shown.
    """
    for gap, lowest, highest in ((5.0, 1.0, 1.0), (0.01, 0.0, 0.2)):
        printed = {
            ("ReinMax", "8x4"): PrintedNumber(100.0, 0.3, 10),
            ("ST", "8x4"): PrintedNumber(100.0 + gap, 0.3, 10),
        }
        found = power.power(ordering(printed=printed), 5, repeats=30)
        assert lowest <= found.reproduced <= highest
        assert 0.0 <= found.refuted <= 0.67
    # Many seeds exclude any printed effect where nothing differs.
    printed["ST", "8x4"] = PrintedNumber(105.0, 0.3, 10)
    assert power.power(ordering(printed=printed), 100, repeats=10).refuted == 1.0
