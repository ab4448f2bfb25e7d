"""The report for those who read it otherwise: by screen reader, in the dark, on a phone, on paper."""

import io
from pathlib import Path
from typing import Any

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.slow

# A4 landscape within its margins, in CSS pixels.
PAPER_WIDTH = 1032
SIZE_LIMIT = 8_000_000
SECONDS_LIMIT = 20.0


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 375)], ids=["light", "dark", "phone"]
)
def test_axe_finds_nothing_serious(browser: Any, report: Path, scheme: str, width: int) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.goto(report.as_uri())
    # Drawings are images with a name. Axe would walk through each of their thousand strokes.
    drawings = opened.evaluate(
        """() => {
          const drawings = [...document.querySelectorAll(".panel svg[role=img]")];
          drawings.forEach((drawing) => drawing.replaceChildren());
          return drawings.map((drawing) => drawing.getAttribute("aria-label"));
        }"""
    )
    found = Axe().run(opened).response
    opened.close()
    assert len(drawings) > 20
    assert all(drawings)
    serious = [
        (violation["id"], len(violation["nodes"]), violation["nodes"][0]["html"][:200])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert found["testEngine"]["name"] == "axe-core"


def test_the_page_has_landmarks_and_one_title(tab: Any) -> None:
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert tab.locator(landmark).count() == 1
    assert tab.locator("h1").count() == 1
    assert tab.locator("form.filters output[aria-live=polite]").count() == tab.locator("form.filters").count()
    # The first stop of the keyboard leads past the navigation.
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('href')") == "#main"


def test_verdicts_are_words_and_symbols_and_not_colour_alone(tab: Any) -> None:
    for pill in tab.locator(".pill").all()[:300]:
        assert len(pill.text_content().split()) >= 2, pill.inner_html()


def test_on_paper_all_claims_stand_with_their_verdicts(
    browser: Any, report: Path, claims: list[dict[str, Any]]
) -> None:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto(report.as_uri())
    # What is filtered away is printed none the less.
    opened.locator("form.find input").fill("no such claim")
    opened.locator("form.find input").press("Enter")
    printed = opened.pdf(prefer_css_page_size=True, print_background=True)
    folded = opened.locator("details[open]:not(.guide)").count()
    opened.close()
    pages = pypdf.PdfReader(io.BytesIO(printed)).pages
    assert all(page.mediabox.width > page.mediabox.height for page in pages)
    # Words break where columns are narrow.
    text = "".join("".join(page.extract_text().split()) for page in pages)
    claimed = text[text.index("whatthepaperssay,andwhatourrunssayofit") :]
    for claim in claims:
        assert claim["id"] in claimed, claim["id"]
    for verdict in {claim["verdict"] for claim in claims}:
        number = sum(claim["verdict"] == verdict for claim in claims)
        assert claimed.count(verdict.replace(" ", "")) >= number
    # Folded results are printed, and folded again afterwards.
    assert "Table2,onelineacell" in text
    assert "Reason" in text
    assert folded == 0


def test_no_table_is_wider_than_the_paper(browser: Any, report: Path) -> None:
    opened = browser.new_page(viewport={"width": PAPER_WIDTH, "height": 700})
    opened.goto(report.as_uri())
    opened.emulate_media(media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = opened.evaluate(
        """() => [...document.querySelectorAll("main *")]
          .filter((part) => !part.closest("svg") && part.getBoundingClientRect().right > innerWidth + 1)
          .map((part) => part.outerHTML.slice(0, 100))"""
    )
    hidden = opened.locator(".filters, nav, form.find").evaluate_all(
        "(parts) => parts.every((part) => getComputedStyle(part).display === 'none')"
    )
    opened.close()
    assert wide == []
    assert hidden


def test_the_page_is_small_and_quickly_built(built: tuple[Path, float]) -> None:
    path, seconds = built
    print(f"page: {path.stat().st_size / 1e6:.1f} MB, built from finished tables in {seconds:.1f} s")
    assert 100_000 < path.stat().st_size < SIZE_LIMIT
    assert seconds < SECONDS_LIMIT
