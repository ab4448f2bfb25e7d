"""From a search to a verdict, its rule and the command behind it, in a real browser."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
PAGE = "claims.html"

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


def test_a_new_reader_finds_a_verdict_and_its_command_in_three_steps(
    tab: Any, report: Path
) -> None:
    """Does ReinMax-CV beat ReinMax on 8×4, and what computes that cell again?"""
    tab.goto(report.as_uri())
    tab.locator("header a", has_text="All claims").click()
    # One: ask for it. The row has the verdict.
    tab.locator(f"{FORM} input[type=search]").fill("ReinMax-CV ReinMax 8×4 CV-REINMAX")
    assert {row["id"] for row in shown(tab)} == {
        f"claim-B-{table}-CV-REINMAX-8x4" for table in ("T2", "T3")
    }
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


def test_what_is_chosen_stands_in_the_address_and_a_step_back_undoes_it(tab: Any) -> None:
    search = tab.locator(f"{FORM} input[type=search]")
    all_of_them = len(shown(tab))
    search.type("theorem")
    chosen = len(shown(tab))
    assert 0 < chosen < all_of_them
    assert "claims-table.text=theorem" in tab.url
    tab.locator(f"{FORM} .chip", has_text="number").click()
    assert "claims-table.type=number" in tab.url
    tab.locator("#claims-table thead button").first.click()
    assert "claims-table.order=1" in tab.url
    address = tab.url
    # The same address in another window shows the same.
    rows = shown(tab)
    tab.goto("about:blank")
    tab.goto(address)
    assert shown(tab) == rows
    tab.goto(
        address.replace("claims-table.type=number&", "").replace("&claims-table.type=number", "")
    )
    assert len(shown(tab)) == chosen
    search.fill("Theorem 1")
    tab.go_back()
    assert search.input_value() == "theorem" or len(shown(tab)) == all_of_them


def test_names_with_numbers_and_negations_are_searched_as_they_are_meant(tab: Any) -> None:
    search = tab.locator(f"{FORM} input[type=search]")
    search.fill("Table 2")
    places = tab.locator("#claims-table tbody tr:not([hidden])").all_text_contents()
    assert places
    assert all("Table 2" in " ".join(text.split()) for text in places)
    search.fill('"section 3.2"')
    assert {row["paper"] for row in shown(tab)} == {"Beyond ReinMax"}
    search.fill("θ_D")
    assert len(shown(tab)) > 0
    search.fill("no such claim")
    assert announced(tab).startswith("Nothing fits")


def test_chips_filter_by_paper_verdict_and_type_together(
    tab: Any, claims: list[dict[str, Any]]
) -> None:
    def expected(**wanted: tuple[str, ...]) -> int:
        return sum(
            all(claim[name] in values for name, values in wanted.items()) for claim in claims
        )

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
    assert announced(tab).startswith("Nothing fits")


def test_claims_sort_by_every_column(tab: Any) -> None:
    table = tab.locator("#claims-table")
    heads = table.locator("thead th")
    assert heads.all_inner_texts() == [
        f"{name}"
        for name in ("Verdict", "Claim", "Place", "Type", "Effect", "Seeds", "Power", "Why")
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
                "(keys) => [...keys].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))",
                filled,
            )
            assert filled == order


def test_a_verdict_leads_to_its_rule_even_where_it_was_filtered_away(
    tab: Any, report: Path
) -> None:
    row = tab.locator("#claim-B-T2-ReinMax-8x4")
    hiding = "?claims-table.verdict=not+run#claim-B-T2-ReinMax-8x4"
    tab.goto((report.parent / PAGE).as_uri() + hiding)
    row.wait_for(state="visible")
    row.locator("details[open]").wait_for()
    assert "0.5 nats" in row.inner_text()
    assert "Minimum scale" in row.inner_text()
    # And from the table that it judges.
    tab.goto((report.parent / "details.html").as_uri())
    tab.locator('#table2 td[data-cell^="ReinMax 8"] a.pill').first.click()
    tab.wait_for_url("**/claims.html#claim-B-T2-ReinMax-8x4")
    assert tab.locator("#claim-B-T2-ReinMax-8x4 details[open]").count() == 1


def test_a_link_to_a_claim_opens_it_in_a_fresh_page(browser: Any, report: Path) -> None:
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    opened.goto(f"{(report.parent / PAGE).as_uri()}#claim-B-T3-ReinMax-CV-10x30")
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
    assert "details.html#table2" in places
    assert "tables/table2.csv" in places
    tab.goto((report.parent / "details.html").as_uri())
    # And a section to the claims that its numbers judge.
    judged = tab.locator("#table2 details.judged")
    assert judged.locator("li").count() == sum(claim["section"] == "table2" for claim in claims)


@pytest.mark.parametrize("tab", [PHONE, {**PHONE, "color_scheme": "dark"}], indirect=True)
def test_on_a_phone_claims_are_cards_that_need_no_sideways_scroll(tab: Any) -> None:
    box = tab.locator("#claims > .scroll")
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    row = tab.locator("#claim-B-T2-ReinMax-8x4")
    tops = row.locator("> *").evaluate_all(
        "(cells) => cells.map((cell) => cell.getBoundingClientRect().top)"
    )
    assert tops == sorted(set(tops)), "one below the other"
    for label in ("Effect", "Seeds", "Power", "Why"):
        assert row.locator(f"[data-label={label}]").is_visible()
    # Sorting works there too.
    tab.locator("#claims-table thead th", has_text="Effect").locator("button").click()
    assert (
        tab.locator("#claims-table thead th", has_text="Effect").get_attribute("aria-sort")
        == "ascending"
    )
