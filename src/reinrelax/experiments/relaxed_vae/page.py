"""The page's tables and pictures of paper A's VAEs: bounds, images, other learned parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from reinrelax.display.table_blocks import Cell, Column, Table, diverged, key, plain_cell, to_float
from reinrelax.display.table_reader import TableReader
from reinrelax.display.tables import read_json
from reinrelax.display.text_format import Badge, fixed, interval, shape, signed, significant
from reinrelax.experiments.relaxed_vae.pictures import SHOWN

_BEFORE = Badge("yes", "✓", "good")


@dataclass(frozen=True)
class Picture:
    """An image.

    Attributes:
        fine: its origin, in small print.
        alt: a description for readers who cannot see it.
        png: base64 of a PNG.
        width, height: in pixels.
    """

    label: str
    fine: str
    alt: str
    png: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """Images of one kind: those of the paper's method large, all others small until opened.

    Attributes:
        caption: a description that applies to each of them.
    """

    id: str
    caption: str
    large: Sequence[Picture]
    small: Sequence[Picture]
    template: str = field(default="pictures.html.j2", init=False)


def vae(collected: TableReader) -> Table:
    """Return the table of all methods: own loss, and the bound of the discrete model."""
    lines = collected.lines("relaxations")
    rows = [
        [
            Cell(line["label"], small=[line["section"], shape(line["latent"]), line["settings"]]),
            _nats(line, "test"),
            _nats(line, "test_reconstruction"),
            _nats(line, "test_kl"),
            _nats(line, "train"),
            _nats(line, "relaxed"),
            _nats(line, "gap", signs=True),
            Cell(fixed(to_float(line["seeds"]), 0), small=diverged(line)),
        ]
        for line in lines
    ]
    columns = [
        Column("Latent variables", "text", small="section, shape, settings"),
        Column("Discrete bound", small="test, nats"),
        Column("Reconstruction", small="of the bound"),
        Column("KL", small="of the bound"),
        Column("Own loss", small="train, last epoch"),
        Column("Own loss", small="test"),
        Column("Own − discrete", small="test"),
        Column("Seeds"),
    ]
    caption = (
        "Nats per image, lower is better: mean over seeds with its 95% Student interval. Discrete"
        " bound: code drawn from the discrete posterior, and the exact KL or an upper bound of it,"
        " so that it bounds the likelihood of a VAE with discrete latent variables and can be"
        " compared across methods of the same shape. Own loss: what each method minimises, with a"
        " relaxed code and the method’s own KL term; for most methods it is not a bound and cannot"
        " be compared."
    )
    return Table("relaxations-rows", caption, columns, rows)


def figure1(collected: TableReader) -> list[Pictures]:
    """Return the reconstructions."""
    caption = (
        "Each column is a test image: the original above, in the middle from its discrete code,"
        " below from the relaxed code of training. First seed, pixel probabilities."
    )

    def alt(entry: Mapping[str, Any]) -> str:
        return (
            f"{entry['label']}: {entry['shown']} test images in the upper row, their"
            " reconstructions from discrete codes below them, and from relaxed codes in the"
            " lower row"
        )

    return _pictures(collected, "figure1-pictures", "reconstructions", caption, alt)


def figure2(collected: TableReader) -> list[Pictures]:
    """Return the samples."""
    caption = "Decoded samples of the discrete prior. First seed, pixel probabilities."

    def alt(entry: Mapping[str, Any]) -> str:
        return (
            f"{entry['label']}: images decoded from samples of the prior, {entry['shown']} in"
            " each row"
        )

    return _pictures(collected, "figure2-pictures", "samples", caption, alt)


def learned(collected: TableReader) -> Table:
    """Return the table of REBAR's η and RELAX's λ over seeds, and of the size of R's entries."""
    found: dict[tuple[str, str], list[float]] = {}
    for line in collected.lines("relaxations_learned"):
        quantity = line["quantity"]
        if quantity in _SCALARS:
            found.setdefault((quantity, line["label"]), []).append(to_float(line["value"]))
        elif quantity == "correlation" and line["i"] > line["j"]:
            found.setdefault((quantity, line["label"]), []).append(abs(to_float(line["value"])))
    rows = [
        [
            Cell(label),
            Cell(_SCALARS.get(quantity, "|Rᵢⱼ|, i ≠ j")),
            *(
                Cell(significant(value, 4), key(value))
                for value in (mean(values), min(values), max(values))
            ),
        ]
        for (quantity, label), values in found.items()
        if any(values)  # R = I is not learned
    ]
    columns = [
        Column("Latent variables", "text"),
        Column("Learned", "text"),
        Column("Mean"),
        Column("Least"),
        Column("Most"),
    ]
    caption = (
        "Parameters learned besides the networks, after the last epoch; over seeds, and for R over"
        " pairs."
    )
    return Table("learned-rows", caption, columns, rows)


def decoupled(collected: TableReader) -> Table:
    """Return the table of the discrete bound for each pair of temperatures."""
    lines = [line for line in collected.lines("relaxations") if to_float(line["tau_backward"]) > 0]
    rows = [
        [
            *(plain_cell(line[name]) for name in ("tau_forward", "tau_backward")),
            (
                Cell(mark=_BEFORE, key="1")
                if line["tau_forward"] < line["tau_backward"]
                else Cell("no", "0")
            ),
            _nats(line, "test"),
            Cell(fixed(to_float(line["seeds"]), 0), small=diverged(line)),
        ]
        for line in lines
    ]
    columns = [
        Column("τ_f"),
        Column("τ_b"),
        Column("τ_f < τ_b"),
        Column("Discrete bound", small="test, nats"),
        Column("Seeds"),
    ]
    caption = (
        "Decoupled-STGS in the VAE: mean over seeds with 95% interval. Rows with the same τ_b that"
        " agree in every digit were trained with the same noise and differ only in τ_f."
    )
    return Table("decoupled-rows", caption, columns, rows)


_SCALARS = {
    "eta": "η, scale of the control variate",
    "tau": "λ, temperature of the control variate",
}


def _pictures(
    collected: TableReader, name: str, kind: str, caption: str, alt: Any
) -> list[Pictures]:
    entries = read_json(collected.folder / "figures" / "pictures.json")
    large: list[Picture] = []
    small: list[Picture] = []
    for entry in entries:
        picture = Picture(
            label=entry["label"],
            fine=f"{entry['section']}, {shape(entry['latent'])}, seed {entry['seed']}",
            alt=alt(entry),
            **entry[kind],
        )
        (large if entry["latents"] == SHOWN else small).append(picture)
    return [Pictures(name, caption, large, small)] if entries else []


def _nats(line: Mapping[str, Any], name: str, signs: bool = False) -> Cell:
    value, limits = (
        to_float(line[name]),
        interval(to_float(line[f"{name}_low"]), to_float(line[f"{name}_high"])),
    )
    text = signed(value) if signs else fixed(value)
    return Cell(text, key(value), small=[limits] if limits else ())
