"""The opening screen and the lines of claims: what was run, what came out, what could mislead."""

from typing import Any

import pytest

from reinrelax.config.load import Config
from reinrelax.display import claim_views
from reinrelax.display.tables import read_json, read_table
from reinrelax.jobs.runs import cells
from reinrelax.reporting import collect, overview
from tests.conftest import ROOT
from tests.helpers.pages import Load, elbo, flat
from tests.helpers.synthetic import write_results, write_studies

CLAIM: dict[str, Any] = {
    **{"id": "X-1", "paper": "Beyond ReinMax", "subject": "trainings", "type": "ordering"},
    **{
        "place": "Table 2",
        "statement": "A at 8x4 is below B.",
        "rule": "R",
        "minimum": "M.",
        "note": "N",
    },
    **{"reason": "because", "verdict": "reproduced", "effect": 1.5, "low": -0.25, "high": 2.0},
    **{
        "unit": "nats",
        "measure": "margin",
        "holding": 0.0501,
        "failing": 0.9496,
        "detectable": 0.314,
    },
    **{
        "coverage": 0.9,
        "smallest": 0.2,
        "family": "Table 2, bold",
        "family_size": 6,
        "seeds": 5,
        "diverged": 0,
        "section": "table2",
    },
    **{
        "tables": ["table2.csv", "gone.csv"],
        "command": "snakemake x",
        "lower": ["A"],
        "higher": ["B"],
    },
    **{"places": ["8x4"], "elsewhere": [], "finding": "F", "limits": "set on 1 May"},
}


def summary(config: Config) -> overview.Summary:
    collect.write_tables(config, ROOT)
    folder = config.folder / "tables"
    jobs, rules = (read_table(folder / f"{name}.csv") for name in ("jobs", "rules"))
    stated = (read_json(folder / f"{name}.json") for name in ("claims", "findings"))
    return overview.summary(config, jobs, *stated, rules)


def notices(found: overview.Summary) -> dict[str, str]:
    return {notice.title: notice.text for notice in found.notices}


def row(**changes: Any) -> dict[str, Any]:
    """The only line of a claim with these changes."""
    (found,) = claim_views.claim_rows(
        [{**CLAIM, **changes}],
        {"table2": "Table 2"},
        {("trainings", "A", "8x4"): "cell-a"},
        lambda name: name == "table2.csv",
    )
    return found


def test_cost_adds_up_over_cells_and_studies(load_config: Load) -> None:
    config = load_config()
    write_results(config, flat, only=elbo, wall_seconds=10.0, threads=3)
    write_studies(
        config, only=lambda name: name == "identities", wall_seconds=5.0, device="Some GPU"
    )
    found = summary(config)
    trained = sum(map(elbo, cells(config).values()))
    cost = dict(found.cost)
    assert cost["Processor"].startswith(
        f"{trained * 30 / 3600:,.2f} core-hours ({trained * 30:,} core-seconds"
    )
    assert cost["GPU"] == "5 GPU-seconds"
    environment = dict(found.environment)
    assert environment["Devices"] == f"cpu ({trained} jobs), Some GPU (1 job)"
    assert environment["Hosts"] == "somewhere"
    assert "torch 2.15.0" in environment["Software"]


def test_nothing_has_cost_nothing(load_config: Load) -> None:
    found = summary(load_config())
    assert dict(found.cost)["GPU"] == "0 GPU-seconds"
    assert found.environment == []
    assert list(notices(found)) == ["Not complete:"]
    assert not found.complete


def test_results_of_one_origin_need_no_notice(load_config: Load) -> None:
    config = load_config(dataset={"name": "mnist"})
    write_results(config, flat)
    write_studies(config)
    found = summary(config)
    assert found.complete
    assert not [title for title in notices(found) if "several" in title or "changed" in title]
    assert not [title for title in notices(found) if "rounded" in title]


def test_rounded_products_are_said(load_config: Load) -> None:
    config = load_config(products="bfloat16")
    write_results(config, flat, only=elbo)
    trained = sum(map(elbo, cells(config).values()))
    text = notices(summary(config))[f"{trained} jobs with rounded products:"]
    assert text.startswith("bfloat16 in the layers")


@pytest.mark.parametrize(
    ("change", "title", "words"),
    [
        ({"commit": "a" * 40}, "Computed at several commits:", "aaaaaaaaaaaa (2 jobs)"),
        (
            {"commit": "0" * 40 + "+changes"},
            "2 jobs computed from changed working trees:",
            "000000000000",
        ),
        ({"torch": "2.9.1"}, "Computed with several versions of torch:", "2.9.1 (2 jobs)"),
        ({"numpy": "2.0.0"}, "Computed with several versions of numpy:", "2.0.0 (2 jobs)"),
        (
            {"dataset": "digits"},
            "Computed on several data sets:",
            "scikit-learn’s digits (sha256 0000",
        ),
        (
            {"sha256": "ab" * 32},
            "Computed on several data sets:",
            "MNIST (sha256 abababababab) (2 jobs)",
        ),
    ],
)
def test_mixed_origins_are_said_with_how_many_jobs_each(
    load_config: Load, change: dict[str, Any], title: str, words: str
) -> None:
    config = load_config(dataset={"name": "mnist"})
    write_results(config, flat, only=elbo)
    other = [cell.name for cell in cells(config).values() if elbo(cell)][:2]
    write_results(config, flat, only=lambda cell: cell.name in other, **change)
    found = notices(summary(config))
    assert words in found[title]
    assert [name for name in found if name.startswith(("Computed", "2 jobs"))] == [title]


def test_verdicts_are_counted_by_paper_and_add_up(load_config: Load) -> None:
    found = summary(load_config())
    assert list(dict.fromkeys(line.paper for line in found.findings)) == [
        "Beyond ReinMax",
        "Just Relax It!",
    ]
    assert found.counted == sum(number for line in found.findings for _, number in line.counts)
    assert all(number for line in found.findings for _, number in line.counts)


def test_a_claims_line_says_effect_certainty_and_power() -> None:
    found = row()
    assert (found["effect"], found["interval"]) == ("margin +1.50 nats", "90% [−0.25, 2.00]")
    # No rounding to the limits of a rule.
    assert found["chances"] == "p = 0.051 for, 0.950 against"
    assert row(holding=0.05, failing=1.0)["chances"] == "p = 0.050 for, 1.000 against"
    assert found["corrected"] == "6 claims together"
    assert found["smallest"] == "0.20 nats"
    assert (found["power"], found["power_key"]) == ("0.31 nats", "0.314")
    assert found["statement"] == "A at 8\u00a0×\u00a04 is below B."
    assert (found["section"], found["section_name"]) == ("table2", "Table 2")
    assert found["tables"] == ["table2.csv"]
    # B has no cell.
    assert found["jobs"] == [("A 8\u00a0×\u00a04", "cell-a")]


def test_a_claim_without_numbers_has_none_made_up() -> None:
    nothing = dict.fromkeys(("effect", "low", "high", "holding", "failing", "detectable"))
    found = row(
        **nothing,
        smallest=0.0,
        family="",
        family_size=0,
        seeds=0,
        section="",
        tables=[],
        subject="measurements",
        places=[],
    )
    shown = (
        "effect",
        "interval",
        "chances",
        "corrected",
        "smallest",
        "power",
        "seeds",
        "key",
        "power_key",
        "section",
    )
    assert [found[name] for name in shown] == [""] * len(shown)
    assert found["tables"] == found["jobs"] == []


def test_effects_without_unit_keep_their_digits() -> None:
    found = row(unit="", measure="Δ", effect=0.00123456, low=-1e-7, high=0.0025, detectable=12345.6)
    assert (found["effect"], found["interval"]) == ("Δ +0.00123", "90% [−1.00 × 10⁻⁷, 0.00250]")
    assert found["power"] == "12346"


def test_numbers_come_last_and_sections_count_their_verdicts() -> None:
    claims = [
        {**CLAIM, "id": "n", "type": "number", "verdict": "near"},
        {**CLAIM, "id": "o"},
        {**CLAIM, "id": "q", "type": "qualitative", "section": "nowhere"},
    ]
    rows = claim_views.claim_rows(claims, {"table2": "Table 2"}, {}, lambda name: True)
    assert [line["id"] for line in rows] == ["q", "o", "n"]
    judged = claim_views.by_section(rows)["table2"]
    assert [(mark.text, number) for mark, number in judged.counts] == [
        ("reproduced", 1),
        ("near", 1),
    ]
    facets = {
        facet.name: {c.value: c.number for c in facet.choices}
        for facet in claim_views.facets(claims)
    }
    assert facets["type"] == {"qualitative": 1, "ordering": 1, "trend": 0, "number": 1}
    assert facets["verdict"]["near"] == 1
