"""The report for those who read it otherwise: by screen reader, in the dark, on a phone, on
paper.
"""

import io
from pathlib import Path
from typing import Any

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe

from reinrelax.reporting import page

pytestmark = pytest.mark.slow

# A4 landscape within its margins, in CSS pixels.
PAPER_WIDTH = 1032


@pytest.mark.parametrize("name", page.SITE)
@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 375)],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing_serious(
    browser: Any, report: Path, scheme: str, width: int, name: str
) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.goto((report.parent / name).as_uri())
    # Drawings are images with a name. Axe would walk through each of their thousand strokes.
    drawings = opened.evaluate("""() => {
          const drawings = [...document.querySelectorAll(".panel svg[role=img]")];
          drawings.forEach((drawing) => drawing.replaceChildren());
          return drawings.map((drawing) => drawing.getAttribute("aria-label"));
        }""")
    found = Axe().run(opened).response
    opened.close()
    assert len(drawings) > 20 or name in ("claims.html", "problems.html")
    assert all(drawings)
    serious = [
        (violation["id"], len(violation["nodes"]), violation["nodes"][0]["html"][:200])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert found["testEngine"]["name"] == "axe-core"


def test_the_page_has_landmarks_and_one_title(tab: Any) -> None:
    for landmark in (
        "header",
        "nav[aria-label=Pages]",
        "nav[aria-label=Contents]",
        "main",
        "footer",
    ):
        assert tab.locator(landmark).count() == 1
    assert tab.locator("h1").count() == 1
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
    opened.goto((report.parent / "claims.html").as_uri())
    # What is filtered away is printed none the less.
    opened.locator("form[data-table=claims-table] input[type=search]").fill("no such claim")
    printed = opened.pdf(prefer_css_page_size=True, print_background=True)
    folded = opened.locator("main details[open]").count()
    opened.close()
    pages = pypdf.PdfReader(io.BytesIO(printed)).pages
    assert all(sheet.mediabox.width > sheet.mediabox.height for sheet in pages)
    # Words break where columns are narrow.
    text = "".join("".join(sheet.extract_text().split()) for sheet in pages)
    claimed = text[text.index("whatthepaperssay,andwhatourrunsshow") :]
    # Each page that continues a table has its heads.
    heads = [
        "".join(sheet.extract_text().split())
        for sheet in pages[len(pages) // 2 : len(pages) // 2 + 3]
    ]
    assert all("Verdict" in text and "Seeds" in text for text in heads)
    for claim in claims:
        assert claim["id"] in claimed, claim["id"]
    for verdict in {claim["verdict"] for claim in claims}:
        number = sum(claim["verdict"] == verdict for claim in claims)
        assert claimed.count(verdict.replace(" ", "")) >= number
    # What is folded is folded again afterwards.
    assert folded == 0


@pytest.mark.parametrize("name", page.SITE)
def test_no_table_is_wider_than_the_paper(browser: Any, report: Path, name: str) -> None:
    opened = browser.new_page(viewport={"width": PAPER_WIDTH, "height": 700})
    opened.goto((report.parent / name).as_uri())
    opened.emulate_media(media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = opened.evaluate("""() => [...document.querySelectorAll("main *")]
          .filter((part) => !part.closest("svg") && part.getBoundingClientRect().right > innerWidth + 1)
          .map((part) => part.outerHTML.slice(0, 100))""")
    hidden = opened.locator(".filters, nav").evaluate_all(
        "(parts) => parts.every((part) => getComputedStyle(part).display === 'none')"
    )
    opened.close()
    assert wide == []
    assert hidden
