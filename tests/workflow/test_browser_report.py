"""The first page in a real browser: what was found, in words, on two screens; short, and honest."""

import csv
import io
import re
import urllib.request
from pathlib import Path
from typing import Any

import pypdf
import pytest

pytestmark = pytest.mark.slow
SCREEN = 800
# What the page may take of a reader's time, and of a browser's.
SCREENS, WORDS, NODES, BYTES, SHEETS = 15, 6_000, 10_000, 2_000_000, 30


@pytest.mark.parametrize("which", ["report", "paper"])
def test_the_page_keeps_within_its_limits(
    browser: Any, which: str, request: pytest.FixtureRequest
) -> None:
    report: Path = request.getfixturevalue(which)
    opened = browser.new_page(viewport={"width": 1280, "height": SCREEN})
    opened.goto(report.as_uri())
    height, words, nodes = opened.evaluate(
        "[document.documentElement.scrollHeight, document.body.innerText.split(/\\s+/).length,"
        " document.querySelectorAll('*').length]"
    )
    sheets = pypdf.PdfReader(
        io.BytesIO(opened.pdf(prefer_css_page_size=True, print_background=True))
    ).pages
    opened.close()
    assert height <= SCREENS * SCREEN
    assert words <= WORDS
    assert nodes <= NODES
    assert report.stat().st_size <= BYTES
    assert len(sheets) <= SHEETS
    # What the run is, stands on every sheet.
    scale = {"report": "Browserscale", "paper": "Paperscale"}[which]
    assert all(scale in "".join(sheet.extract_text().split()) for sheet in sheets)


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ("B-cv-reinmax", "ReinMax-CV"),
        ("A-taxi", "RELAX on Taxi"),
        ("B-theorem1", "Theorem 1"),
    ],
)
def test_a_readers_question_is_answered_on_the_first_screens(
    browser: Any, paper: Path, finding: str, words: str
) -> None:
    """Does ReinMax-CV beat ReinMax? Does RELAX dominate on Taxi? Is Theorem 1 true?"""
    opened = browser.new_page(viewport={"width": 1280, "height": SCREEN})
    opened.goto(paper.as_uri())
    line = opened.locator(f".card li:has(a.pill[href$='#finding-{finding}'])")
    box = line.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 2 * SCREEN
    text = line.inner_text()
    opened.close()
    assert words in text
    assert re.search(r"\d", text.replace(words, "")), "without a number"
    assert re.search(r"\d+ seeds|1 training|exact", text), "without a basis"


def test_what_the_run_is_stays_in_sight(tab: Any) -> None:
    ribbon = tab.locator("header.ribbon")
    assert "Browser scale · MNIST · incomplete" in ribbon.inner_text()
    tab.evaluate("window.scrollTo(0, 4000)")
    box = ribbon.bounding_box()
    assert box is not None
    assert box["y"] == 0
    ribbon.locator("a", has_text="What is missing").click()
    tab.wait_for_url("**/details.html#not-run")
    assert "GST-1.0" in tab.locator("#not-run").inner_text()


def test_the_contents_tell_where_one_is(tab: Any) -> None:
    for name in ("training", "agents"):
        tab.locator(f".contents a[href='#{name}']").click()
        tab.wait_for_timeout(200)
        assert tab.locator(".contents a[aria-current]").get_attribute("href") == f"#{name}"
        box = tab.locator(f"#{name}").bounding_box()
        assert box is not None
        assert -5 <= box["y"] < SCREEN / 3


def test_every_count_shows_its_findings(tab: Any, browser: Any) -> None:
    links = tab.locator("#standing .matrix a[href*='findings-table']")
    assert links.count() > 12
    wanted = [(link.inner_text(), link.evaluate("(link) => link.href")) for link in links.all()]
    for text, address in wanted[:: max(1, len(wanted) // 8)]:
        tab.goto(address)
        shown = tab.locator("#findings-table tbody tr:not([hidden])")
        assert shown.count() == int(text.split()[0]), text
        verdict = text.split(maxsplit=1)[1]
        assert {row.get_attribute("data-verdict") for row in shown.all()} == {verdict}


def test_tables_can_be_downloaded_from_the_page_alone(tab: Any, report: Path) -> None:
    for link in tab.locator("a[download]").all():
        name = link.get_attribute("download")
        with urllib.request.urlopen(link.get_attribute("href")) as answer:
            held = answer.read().decode()
        assert held == (report.parent / "tables" / name).read_text(encoding="utf-8")
        assert len(list(csv.reader(io.StringIO(held)))) >= 1
    assert tab.locator("a[download]").count() > 8


def test_each_chapter_leads_to_its_table_problems_and_claims(tab: Any) -> None:
    for chapter in tab.locator("section.chapter").all():
        name = chapter.get_attribute("id")
        assert chapter.locator(".said li").count() >= 1, name
        chapter.locator("details.more summary").first.click()
        assert chapter.locator("a[href^='details.html#']").count() >= 1, name
        assert "findings:" in chapter.inner_text(), name
        assert "Computing took" in chapter.inner_text() or "Not run yet" in chapter.inner_text(), (
            name
        )


def test_copied_numbers_are_numbers(tab: Any) -> None:
    chapter = tab.locator("#gradients")
    chapter.locator("details.more summary").first.click()
    copied = tab.evaluate("""() => {
          const chosen = getSelection();
          chosen.selectAllChildren(document.querySelector("#gradients table"));
          const data = new DataTransfer();
          document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, cancelable: true }));
          return data.getData("text/plain");
        }""")
    rows = [line.split("\t") for line in copied.splitlines()]
    assert len({len(row) for row in rows[1:]}) == 1
    assert "−" not in copied
    assert float(rows[1][1]) == 7.4


@pytest.mark.parametrize("width", [375, 1280])
def test_without_script_the_page_says_the_same(browser: Any, report: Path, width: int) -> None:
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": SCREEN}
    )
    opened = context.new_page()
    opened.goto(report.as_uri())
    assert opened.locator(".card").count() == 2
    assert opened.locator(".card .pill").count() >= 12
    assert opened.locator(".panel svg").first.is_visible()
    box = opened.locator("main").bounding_box()
    context.close()
    assert box is not None
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("tab", [{"viewport": {"width": 375, "height": 800}}], indirect=True)
def test_on_a_phone_nothing_is_cut_off(tab: Any) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    # Row names stay where a table is scrolled sideways.
    box = tab.locator("#gradients .scroll").first
    before = box.locator("tbody th").first.bounding_box()
    box.evaluate("(box) => (box.scrollLeft = 200)")
    assert box.locator("tbody th").first.bounding_box() == before


def test_reading_off_a_curve_stays_within_its_panel(tab: Any) -> None:
    panel = tab.locator("#control-variate .panel").first
    panel.scroll_into_view_if_needed()
    panel.focus()
    panel.press("Home")
    tip, frame = panel.locator(".tip").bounding_box(), panel.bounding_box()
    assert tip is not None
    assert frame is not None
    assert tip["x"] >= frame["x"] - 1
    assert tip["x"] + tip["width"] <= frame["x"] + frame["width"] + 1
    assert panel.locator(".tip").evaluate("(tip) => tip.scrollWidth <= tip.clientWidth + 1")
