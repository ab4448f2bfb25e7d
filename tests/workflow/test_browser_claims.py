"""From the opening screen to a verdict, its rule and the command behind it, in a real browser."""

from pathlib import Path
from typing import Any

import pytest

from tests.pages import column

pytestmark = pytest.mark.slow

FORM = "form[data-table=claims-table].filters"
PHONE = {"viewport": {"width": 375, "height": 800}}


def shown(tab: Any, table: str = "claims-table") -> list[dict[str, str]]:
    """What the rows that are shown say of themselves."""
    rows: list[dict[str, str]] = tab.evaluate(
        "(table) => [...document.querySelectorAll(`#${table} tbody tr:not([hidden])`)]"
        ".map((row) => ({ id: row.id, ...row.dataset }))",
        table,
    )
    return rows


def announced(tab: Any) -> str:
    return str(tab.locator(f"{FORM} output").inner_text())


def test_a_new_reader_finds_a_verdict_and_its_command_in_three_steps(tab: Any) -> None:
    """Does ReinMax-CV beat ReinMax on 8×4, and what computes that cell again?"""
    find = tab.locator("form.find input")
    box = find.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < tab.viewport_size["height"], "not on the opening screen"
    # One: ask for it. The row has the verdict.
    find.fill("ReinMax-CV ReinMax 8×4 CV-REINMAX")
    find.press("Enter")
    assert {row["id"] for row in shown(tab)} == {f"claim-B-{table}-CV-REINMAX-8x4" for table in ("T2", "T3")}
    row = tab.locator("#claim-B-T2-CV-REINMAX-8x4")
    assert row.locator(".pill").is_visible()
    assert row.get_attribute("data-verdict") in row.locator(".pill").inner_text()
    # Two: unfold it. There are rule, command and jobs.
    row.locator("summary").click()
    assert "snakemake" in row.locator("code.command").inner_text()
    # Three: go to the job.
    row.locator("a", has_text="job ReinMax-CV").click()
    job = tab.locator("#cell-elbo-8x4-ReinMax-CV")
    job.wait_for(state="visible")
    assert job.locator("code.command").inner_text().endswith(" elbo/8x4/ReinMax-CV")


def test_every_count_of_the_opening_screen_shows_its_findings(tab: Any) -> None:
    links = tab.locator("#found-table td a")
    assert links.count() > 6
    for link in links.all():
        wanted = {name: link.get_attribute(f"data-{name}") for name in ("paper", "verdict", "basis")}
        link.click()
        rows = shown(tab, "findings-table")
        assert len(rows) == int(link.inner_text())
        assert all(row[name] == (value or row[name]) for row in rows for name, value in wanted.items())


def test_every_count_of_claims_shows_them(tab: Any, claims: list[dict[str, Any]]) -> None:
    tab.locator("summary", has_text="claims behind them").click()
    links = tab.locator("#verdicts-table td a")
    assert links.count() > 6
    total = 0
    for link in links.all():
        paper, verdict = (link.get_attribute(f"data-{name}") for name in ("paper", "verdict"))
        link.evaluate("(link) => link.click()")
        rows = shown(tab)
        assert len(rows) == int(link.inner_text())
        assert all(row["paper"] == (paper or row["paper"]) for row in rows)
        assert all(row["verdict"] == (verdict or row["verdict"]) for row in rows)
        assert announced(tab) == f"{len(rows)} of {len(claims)} shown"
        total += len(rows) if paper and verdict else 0
    assert total == len(claims)


def test_chips_filter_by_paper_verdict_and_type_together(tab: Any, claims: list[dict[str, Any]]) -> None:
    def expected(**wanted: tuple[str, ...]) -> int:
        return sum(all(claim[name] in values for name, values in wanted.items()) for claim in claims)

    def chip(value: str) -> Any:
        return tab.locator(f"{FORM} .chip", has=tab.locator(f"input[value='{value}']"))

    assert announced(tab) == f"{len(claims)} of {len(claims)} shown"
    chip("number").click()
    assert len(shown(tab)) == expected(type=("number",))
    chip("ordering").click()
    assert len(shown(tab)) == expected(type=("number", "ordering"))
    chip("Just Relax It!").click()
    count = expected(type=("number", "ordering"), paper=("Just Relax It!",))
    assert 0 < len(shown(tab)) == count < len(claims)
    # A chip counts what it would show beside the choices in the other facets.
    found = expected(type=("number", "ordering"), paper=("Just Relax It!",), verdict=("not run",))
    assert chip("not run").locator(".number").inner_text() == str(found)
    chip("not run").click()
    assert len(shown(tab)) == found
    assert announced(tab) == f"{found} of {len(claims)} shown"
    assert chip("number").locator("input").is_checked()
    tab.locator(f"{FORM} button").click()
    assert len(shown(tab)) == len(claims)
    assert tab.locator(f"{FORM} input:checked").count() == 0


def test_sizes_are_found_however_they_are_written(tab: Any) -> None:
    search = tab.locator(f"{FORM} input[type=search]")
    found = []
    for text in ("best 64x8", "BEST 64×8", "best 64 × 8"):
        search.fill(text)
        found.append([row["id"] for row in shown(tab)])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) >= 2
    search.fill("no such claim")
    assert announced(tab).startswith("0 of ")


def test_claims_sort_by_every_column(tab: Any) -> None:
    table = tab.locator("#claims-table")
    heads = table.locator("thead th")
    assert heads.all_inner_texts() == [
        f"{name}" for name in ("Verdict", "Claim", "Place", "Type", "Effect", "Seeds", "Power", "Why")
    ]
    for index, head in enumerate(heads.all(), start=1):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        keys = table.evaluate(
            "(table, index) => [...table.tBodies[0].rows].map((row) => row.cells[index - 1])"
            ".map((cell) => cell.dataset.key ?? cell.textContent.trim())",
            index,
        )
        filled = [key for key in keys if key != ""]
        assert keys == filled + [""] * (len(keys) - len(filled)), "what is empty stays last"
        if head.get_attribute("data-kind") == "number":
            assert [float(key) for key in filled] == sorted(float(key) for key in filled)
        else:
            order = tab.evaluate(
                "(keys) => [...keys].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))", filled
            )
            assert filled == order


def test_a_verdict_leads_to_its_rule_even_where_it_was_filtered_away(tab: Any) -> None:
    row = tab.locator("#claim-B-T2-ReinMax-8x4")
    pill = tab.locator('#table2 td[data-cell^="ReinMax 8"] a.pill').first
    # Twice: the second time the address is the same already.
    for _ in range(2):
        tab.locator("#verdicts-table a[data-verdict='not run']").first.evaluate("(link) => link.click()")
        assert row.is_hidden()
        pill.click()
        row.wait_for(state="visible")
        row.locator("details[open]").wait_for()
        assert "0.5 nats" in row.inner_text()
        assert "Minimum scale" in row.inner_text()


def test_a_link_to_a_claim_opens_it_in_a_fresh_page(browser: Any, report: Path) -> None:
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    opened.goto(f"{report.as_uri()}#claim-B-T3-ReinMax-CV-10x30")
    row = opened.locator("#claim-B-T3-ReinMax-CV-10x30")
    assert row.locator("details").get_attribute("open") is not None
    box = row.bounding_box()
    opened.close()
    assert box is not None
    assert 0 <= box["y"] < 900


def test_a_claim_leads_to_its_section_and_tables(
    tab: Any, report: Path, claims: list[dict[str, Any]]
) -> None:
    links = tab.locator("#claims-table details.rule a")
    places = set(links.evaluate_all("(links) => links.map((link) => link.getAttribute('href'))"))
    assert "#table2" in places
    assert "tables/table2.csv" in places
    for place in places:
        if place.startswith("#"):
            assert tab.locator(f"[id='{place[1:]}']").count() == 1, place
        else:
            assert (report.parent / place).is_file(), place
    # And a section to the claims that its numbers judge.
    judged = tab.locator("#table2 details.judged")
    assert judged.locator("li").count() == sum(claim["section"] == "table2" for claim in claims)


def test_numbers_lead_to_the_jobs_that_made_them(tab: Any) -> None:
    cells = tab.locator("#table2 td[data-cell]")
    assert cells.locator("a.job").count() == cells.count()
    tab.locator('#table2 td[data-cell^="ReinMax-CV 4"] a.job').first.click()
    assert tab.locator("#cell-elbo-4x24-ReinMax-CV").is_visible()
    tab.locator("section#figure2 a[data-source=beta]").first.click()
    assert set(column(tab.locator("#provenance-table"), 2)) == {"beta"}
    # What is no training stands in the other table.
    tab.locator("section#identities a[data-source=identities]").first.click()
    assert column(tab.locator("#studies-table"), 1) == ["identities"]
    assert tab.url.endswith("#studies-title")


def test_whatever_is_shown_has_a_command_and_a_file(tab: Any) -> None:
    for part in tab.locator("main > section:has(.block), article.erratum:has(dt:has-text('Numbers'))").all():
        name = part.get_attribute("id")
        own = part.locator("> .source, > .block > .source")
        only_papers = part.locator("a[href^='tables/']").count() == 0 and name.startswith("erratum-")
        assert only_papers or own.last.locator("code.command").count() == 1, name
    for block in tab.locator(".block:has(.panels), .block:has(.pictures)").all():
        assert block.locator("> .source code.command").count() == 1
        assert block.locator("> .source a").count() >= 1


@pytest.mark.parametrize("tab", [PHONE, {**PHONE, "color_scheme": "dark"}], indirect=True)
def test_on_a_phone_claims_are_cards_that_need_no_sideways_scroll(tab: Any) -> None:
    box = tab.locator("#claims > .scroll")
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    row = tab.locator("#claim-B-T2-ReinMax-8x4")
    tops = row.locator("> *").evaluate_all("(cells) => cells.map((cell) => cell.getBoundingClientRect().top)")
    assert tops == sorted(set(tops)), "one below the other"
    for label in ("Effect", "Seeds", "Power", "Why"):
        assert row.locator(f"[data-label={label}]").is_visible()
    # Sorting works there too.
    tab.locator("#claims-table thead th", has_text="Effect").locator("button").click()
    assert tab.locator("#claims-table thead th", has_text="Effect").get_attribute("aria-sort") == "ascending"


def test_what_could_mislead_is_said_first(tab: Any) -> None:
    notices = tab.locator("ul.notices")
    assert "Not complete: 2 jobs missing, 1 training diverged." in notices.inner_text()
    box = notices.bounding_box()
    assert box is not None
    assert box["y"] < 400
    notices.locator("a[href='#not-run']").click()
    assert "GST-1.0" in tab.locator("#not-run").inner_text()


def test_the_opening_screen_fits_its_window(tab: Any) -> None:
    """Findings by verdict, and what the abstracts say; what was run and what it cost come after."""
    box = tab.locator("#summary .card.wide").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= tab.viewport_size["height"]
    words = tab.locator("#summary").inner_text()
    for name in (
        "Scale",
        "Images",
        "Coverage",
        "Wall time",
        "core-hours",
        "GPU-seconds",
        "Processors",
        "Software",
    ):
        assert name in words
