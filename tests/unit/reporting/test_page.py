"""What the page says and how: names, numbers, links, commands, notices, from results that are
planted.
"""

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

from reinrelax.config.load import Config
from reinrelax.display.text_format import anchor, fixed, interval, signed, significant, subscripts
from reinrelax.errors import ConfigError
from reinrelax.reporting import chapters, collect, figures, page, sections, sentences
from reinrelax.results.commands import recompute
from tests.conftest import ROOT
from tests.helpers import toy
from tests.helpers.pages import (
    Load,
    Text,
    build,
    elbo,
    flat,
    line,
    rendered,
    shown,
    table,
    to_be_changed,
)
from tests.helpers.synthetic import write_results, write_studies


def test_names_and_messages_are_escaped(load_config: Load) -> None:
    config = load_config()
    evil = "<script>alert(1)</script>&<b>"
    write_results(config, flat, only=elbo, host=evil, device=evil, commit=evil)
    collect.write_tables(config, ROOT)
    to_be_changed(config.folder)
    for name in ("table2.csv", "curves.csv", "jobs.csv"):
        path = config.folder / "tables" / name
        path.write_text(
            path.read_text().replace("ReinMax-CV", evil).replace("Adam", evil), encoding="utf-8"
        )
    figures.write_figures(config, ROOT)
    html = rendered(config)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;b&gt;" in html
    scripts = [attrs.get("id") for tag, attrs in Text(html).tags if tag == "script"]
    # Beside these, that of the benchmark, which is the project's and not the run's.
    assert {name for name in scripts if name != "scaling-data"} == {
        "figure3-data",
        "figure4-data",
        None,
    }
    assert scripts.count(None) == len(page.SITE)
    ET.parse(config.folder / "figures/figure3.svg")


def test_the_page_needs_nothing_beside_it_and_links_only_to_what_exists(of_elbo: Config) -> None:
    config = of_elbo
    log = config.folder / "logs/train/elbo/8x4/ST.log"
    log.parent.mkdir(parents=True)
    log.write_text("trained")
    collect.write_tables(config, ROOT)
    assert "url(http" not in rendered(config)
    pages = {
        name: Text((config.folder / name).read_text(encoding="utf-8")).tags for name in page.SITE
    }
    targets = {}
    for name, tags in pages.items():
        ids = [attrs["id"] for _, attrs in tags if attrs.get("id")]
        targets[name] = set(ids)
        assert len(ids) == len(targets[name]), f"{name}: an id is used twice"
    for name, tags in pages.items():
        for tag, attrs in tags:
            assert attrs.get("src", "data:").startswith("data:")
            href = attrs.get("href") or attrs.get("xlink:href") or ""
            address, _, part = href.partition("#")
            if tag != "a" and not part:
                assert href in ("", "data:,")
            elif address.startswith("data:"):
                assert attrs["download"].endswith(".csv")
            else:
                file = address.partition("?")[0] or name
                assert (config.folder / file).is_file(), href
                assert not part or part in targets[file], f"{name}: {href}"
    hrefs = [attrs.get("href") for _, attrs in pages["details.html"]]
    assert "logs/train/elbo/8x4/ST.log" in hrefs


def test_headers_have_scope_and_tables_captions(of_elbo: Config) -> None:
    tags = Text(shown(of_elbo)).tags
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") > 6
    assert all(
        attrs.get("aria-label") or attrs.get("aria-hidden") for tag, attrs in tags if tag == "svg"
    )


def test_digits_are_announced_loudly_and_mnist_is_not(load_config: Load, of_elbo: Config) -> None:
    assert "not MNIST: proves nothing about the papers" in Text(shown(of_elbo)).text
    # The fallback: asked for MNIST, computed with digits.
    config = load_config(dataset={"name": "mnist"}, scale="other")
    write_results(config, flat, only=elbo, dataset="digits")
    assert "not MNIST: proves nothing about the papers" in Text(build(config)).text
    config = load_config(dataset={"name": "mnist"}, scale="third")
    write_results(config, flat, only=elbo)
    words = Text(build(config)).text
    assert "proves nothing" not in words
    assert "Below the papers’ scale" in words


def test_commands_name_the_file_and_the_scale(load_config: Load, of_elbo: Config) -> None:
    config = of_elbo
    collect.write_tables(config, ROOT)  # a copy names the place that it is of
    html = rendered(config)
    target = f"{config.folder.as_posix()}/elbo/8x4/ST.csv"
    command = f"snakemake --cores all --configfile workflow/scales/test.yaml --force {target}"
    missing = table(config, "jobs.csv").set_index("job")["command"]["beta/8x4/ReinMax-RK2"]
    assert missing == command.replace("elbo/8x4/ST", "beta/8x4/ReinMax-RK2")
    # What is finished is trained anew beside its results.
    beside = (
        f"python -m reinrelax recompute --config {config.folder.as_posix()}/config.yaml elbo/8x4/ST"
    )
    assert line(config, "jobs.csv", "ST", "8x4")["command"] == beside
    assert missing in html
    assert beside in html
    config = load_config(scale="mine")
    assert (
        recompute(config, "x y.csv", ROOT)
        == f"snakemake --cores all --force {config.folder}/'x y.csv'"
    )


def test_everything_is_shown_once_it_has_run(everything: Config) -> None:
    config = everything
    html = shown(config)
    words = Text(html).text
    assert "Nothing to show" not in words
    assert re.search(r"(\d+) of \1 jobs done", words)
    assert "All planned jobs were run" not in words  # other shapes were not planned
    tables = {attrs["id"] for tag, attrs in Text(html).tags if tag == "table" and "id" in attrs}
    assert tables >= {
        *(
            "table1-rows",
            "figure1-last",
            "sweep-rows",
            "table2-grid",
            "table3-grid",
            "control-terms",
        ),
        *(
            "identities-deviations",
            "figure2-minimum",
            "quadrature-rules",
            "table4-rows",
            "table5-rows",
        ),
        *(
            "readings-rows",
            "studies-table",
            "relaxations-rows",
            "learned-rows",
            "gates-correlations",
        ),
        *(
            "bridge-forward",
            "bridge-round-trip",
            "sharpness-rows",
            "inert-analysis",
            "decoupled-rows",
        ),
        *(
            "properties-rows",
            "properties-all",
            "library-rows",
            "library-all",
            "early-last",
            "early-epochs",
        ),
        *(
            "table1-run-rows",
            "figure1-run-last",
            "figure1-run-all",
            "figure2-authors",
            "table5-selection",
        ),
    }
    # Below the paper's scale: said in each section that has one, and nothing of trained runs is
    # judged.
    assert words.count("not tested at this scale This run:") == 16
    assert "closest, not judged" in words
    claims = json.loads((config.folder / "tables/claims.json").read_text(encoding="utf-8"))
    assert {claim["verdict"] for claim in claims if claim["subject"] != "measurements"} <= {
        *("not tested at this scale", "not run", "ambiguous in the paper"),
    }


def test_tables_say_what_was_measured(of_nothing: Config) -> None:
    config = of_nothing
    toy.write(config.folder, toy.everything())
    words = Text(rendered(config)).text
    assert "ReinMax 7.400 2.71 1.50 [1.25, 1.75] 2.50" in words
    assert "Theorem 1 0 2.50 0.500 ≠ does not hold" in words
    assert "Theorem 1 0.5 1.00 × 10⁻¹⁵ 1.00 × 10⁻¹⁶ = holds to rounding" in words
    assert "STGS in the paper: Gumbel 3.45 20.0 [19.0, 21.0]" in words
    assert "Adam, 0.0005, τ 1 Adam, 0.0005, τ 0.7 130.25 131.50 +1.25 3 6 of 6 2" in words
    assert "Eq. 23, α = 2/3 order of the local error 3.01" in words


def test_a_section_is_at_the_papers_scale_or_says_that_it_is_not(load_config: Load) -> None:
    config = load_config()
    write_studies(config)
    build(config)
    rows = toy.everything()
    for row in rows["table1"]:
        row.update(epoch=50, estimates=1024, images=100)
    toy.write(config.folder, rows)
    jobs_csv = config.folder / "tables/jobs.csv"
    own = pd.read_csv(jobs_csv, dtype=str, keep_default_na=False)
    own.loc[own["experiment"] == "gradients", ["state", "dataset"]] = ["done", "mnist"]
    own.to_csv(jobs_csv, index=False)
    shown = [
        section for paper in page.context(config, ROOT, {})["papers"] for section in paper.sections
    ]
    scales = {section.id: section.scale for section in shown if section.scale}
    assert scales["table1"].mark.text == ""
    assert scales["table1"].ours == "MNIST, after epoch 50, 1,024 estimates, 100 images"
    assert scales["control"].mark.text == "not tested at this scale"
    assert scales["figure2"].mark.text == "not run"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {id: x, naw: y}", r"sections\.yaml: x\.naw: unknown key"),
        ("- {id: x}", r"sections\.yaml: x\.nav: missing"),
        (
            "- {id: x, nav: x, name: x, what: x, says: x, here: x, source: elbo, tables: [table9]}",
            "table9",
        ),
    ],
)
def test_a_wrong_section_is_named(
    of_nothing: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    path = tmp_path / "sections.yaml"
    path.write_text(f"paper: P\ntitle: T\nsections:\n{text}")
    monkeypatch.setattr(sections, "WORDS", (path,))
    with pytest.raises(ConfigError, match=message):
        page.write_report(of_nothing, ROOT)


def test_wrong_words_about_results_are_named(
    load_config: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(only={"experiments": ["identities"]})
    build(config)
    said, told = (
        (ROOT / module.FILE).read_text(encoding="utf-8") for module in (sentences, chapters)
    )
    path = tmp_path / "words.yaml"
    for module, text, message in (
        (sentences, said.replace("B-theorem1:", "B-theorem9:"), "B-theorem9: no such finding"),
        (
            sentences,
            said.replace("  label: Theorem 1\n", "  lable: Theorem 1\n"),
            "lable: unknown key",
        ),
        (
            chapters,
            told.replace("findings: [B-theorem1,", "findings: [B-theorem9,"),
            "unknown 'B-theorem9'",
        ),
        (
            chapters,
            told.replace("figures: [theorem1]", "figures: [theorem9]"),
            "unknown 'theorem9'",
        ),
        (
            chapters,
            told.replace("problems: [B-cv-run,", "problems: [B-cv-runs,"),
            "unknown B-cv-runs",
        ),
    ):
        path.write_text(text, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(module, "FILE", path)
            with pytest.raises(ConfigError, match=message):
                page.write_report(config, ROOT)


def test_numbers_of_any_size_are_written() -> None:
    assert [significant(x) for x in (0.0, 1.5, -0.0123456, 1.8e-15, 1234567.0)] == [
        *("0", "1.50", "−0.0123", "1.80 × 10⁻¹⁵", "1.23 × 10⁶"),
    ]
    assert significant(math.nan) == significant(None) == ""
    assert (
        str(subscripts("θ_D of <b> and std_root, (π_τ + D)"))
        == "θ<sub>D</sub> of &lt;b&gt; and std_root, (π<sub>τ</sub> + D)"
    )


def test_numbers_are_written_with_care() -> None:
    assert fixed(-0.001) == "0.00"
    assert fixed(-1.5) == "−1.50"
    assert fixed(None) == fixed(math.nan) == fixed(math.inf) == ""
    assert (signed(0.2), signed(-0.2), signed(0.001)) == ("+0.20", "−0.20", "0.00")
    assert interval(-1, 2) == "[−1.00, 2.00]"
    assert interval(math.nan, 2) == ""
    assert anchor("cell", 'a b"<c>/d') == "cell-a-b-c-d"


def test_reporting_needs_no_torch() -> None:
    code = (
        "import sys; from reinrelax.reporting import collect, figures, page; sys.exit('torch' in"
        " sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
