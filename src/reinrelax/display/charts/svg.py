"""Drawn figures as SVG: made small and self-contained, and split into panels for the page."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reinrelax.display.charts.style import INK
from reinrelax.errors import ResultsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMESPACE = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_POINTS = 72.0
_MARGIN = 4.0
# A grey with a contrast above 4 on white and on near-black: a file does not know its background.
_EITHER = "#757b84"

_LONG = re.compile(r"-?\d+\.\d{3,}")
_FONT = re.compile(r"font-family: ([^;\"]*); ?")
_AUTOMATIC = re.compile(r"[A-Za-z0-9.]+_\d+")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")

ET.register_namespace("", _NAMESPACE)
ET.register_namespace("xlink", _XLINK)


@dataclass(frozen=True)
class Panel:
    """The place of a panel in the figure, in SVG units from the top left, and its axes' ranges.

    Attributes:
        box: left, top, width and height, labels included.
        frame: left, top, width and height of the axes.
        x, y: lower and upper limits.
        log: the logarithmic axes, as in `xy`.
    """

    box: tuple[float, float, float, float]
    frame: tuple[float, float, float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    log: str = ""

    @classmethod
    def of(cls, ax: "Axes", figure: "Figure") -> "Panel":
        """Return the panel of drawn axes."""
        height, scale = figure.get_figheight() * _POINTS, _POINTS / figure.dpi
        outer, inner = ax.get_tightbbox(), ax.get_window_extent()
        assert outer is not None  # the axes are visible
        box, frame = (
            (b.x0 * scale, height - b.y1 * scale, b.width * scale, b.height * scale)
            for b in (outer, inner)
        )
        scales = {"x": ax.get_xscale(), "y": ax.get_yscale()}
        log = "".join(name for name, scale in scales.items() if scale == "log")
        return cls(box, frame, ax.get_xlim(), ax.get_ylim(), log)


def finish(
    text: str,
    name: str,
    title: str,
    panels: Mapping[str, Panel],
    notes: Mapping[str, str] | None = None,
) -> str:
    """Make matplotlib's SVG self-contained, and ready for the page to split.

    Ink becomes `currentColor`, which the page sets. Ids get the figure's name as prefix, so that a
    page can hold several figures. Panels and series get scales and indices as `data-` attributes.

    Args:
        text: matplotlib's SVG.
        name: of the figure, such as `figure3`.
        title: a description for readers who cannot see it.
        panels: by the name of each panel's group.
        notes: the tooltip of each group, by the group's name.
    """
    # Hundredths of a point are finer than any screen. Text, as 0.975 at an axis, is not rounded.
    rounded = re.sub(
        r"<[^>]*>", lambda tag: _LONG.sub(_rounded, tag[0]), text.replace(INK, "currentColor")
    )
    foreign = rf'(id="|"#|url\(#)(?!{re.escape(name)}-)'
    root = ET.fromstring(re.sub(foreign, rf"\g<1>{name}-", rounded))
    for child in root.findall(f"{{{_NAMESPACE}}}metadata") + root.findall(f"{{{_NAMESPACE}}}defs"):
        if child.tag.endswith("metadata") or child.find(f"{{{_NAMESPACE}}}style") is not None:
            root.remove(child)
    font = _slim(root, name, panels)
    root.set("id", name)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title")
    style = ET.Element(f"{{{_NAMESPACE}}}style")
    style.text = (
        f"#{name}{{color:{_EITHER};font-family:{font}}}#{name}"
        " *{stroke-linejoin:round;stroke-linecap:butt}"
    )
    heading = ET.Element(f"{{{_NAMESPACE}}}title", {"id": f"{name}-title"})
    heading.text = title
    root[:0] = [heading, style]
    for group in root.iter(f"{{{_NAMESPACE}}}g"):
        identity = group.get("id", "")
        if identity in panels:
            panel = panels[identity]
            for key in ("box", "frame"):
                group.set(f"data-{key}", " ".join(f"{value:.2f}" for value in getattr(panel, key)))
            for key in ("x", "y"):
                group.set(f"data-{key}", " ".join(f"{value:.8g}" for value in getattr(panel, key)))
            if panel.log:
                group.set("data-log", panel.log)
        if series := re.search(r"-(line|band|cell)-(\d+)$", identity):
            group.set("class", series[1])
            group.set("data-series", series[2])
        if re.search(r"-over-\d+\D?$", identity):
            group.set("pointer-events", "none")
        if notes and identity in notes:
            note = ET.Element(f"{{{_NAMESPACE}}}title")
            note.text = notes[identity]
            group.insert(0, note)
    return ET.tostring(root, encoding="unicode") + "\n"


@dataclass(frozen=True)
class Parts:
    """The parts of a figure: shared definitions, and the name, view box and group of each panel."""

    shared: str
    panels: list[tuple[str, str, str]]


def take_apart(text: str, name: str) -> Parts:
    """Split a finished figure into panels, so that the page can arrange them to fit the screen.

    Raises:
        ResultsError: the text was not written by `finish`.
    """
    try:
        root = ET.fromstring(text)
        groups = [group for group in root.iter(f"{{{_NAMESPACE}}}g") if group.get("data-box")]
        boxes = [
            [float(number) for number in group.get("data-box", "").split()] for group in groups
        ]
    except (ET.ParseError, ValueError) as error:
        raise ResultsError(
            f"{name}.svg: cannot be read ({error}). Delete it and run snakemake again"
        ) from None
    # All get the same size, or their scales on the page would differ. The left side is extended.
    width = max((box[2] for box in boxes), default=0) + 2 * _MARGIN
    height = max((box[3] for box in boxes), default=0) + 2 * _MARGIN
    panels = []
    for group, (left, top, own_width, _) in zip(groups, boxes, strict=True):
        box = (left + own_width + _MARGIN - width, top - _MARGIN, width, height)
        view = " ".join(f"{value:.2f}" for value in box)
        group.tail = ""
        panels.append((group.get("id", ""), view, ET.tostring(group, encoding="unicode")))
    shared = "".join(
        ET.tostring(child, encoding="unicode") for child in root.findall(f"{{{_NAMESPACE}}}defs")
    )
    return Parts(shared, panels)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _slim(root: ET.Element, name: str, keep: Collection[str]) -> str:
    """Remove the parts of a figure that are not needed.

    Args:
        root: the figure, modified in place.
        name: of the figure; its ids begin with it.
        keep: ids to keep, even if they look like those that matplotlib generates.

    Returns:
        The font of all texts, to be set once for the whole figure.
    """
    fonts: dict[str, None] = {}
    for element in root.iter():
        if not (element.text or "").strip():
            element.text = None
        element.tail = None
        identity = element.get("id", "")
        if identity not in keep and _AUTOMATIC.fullmatch(identity.removeprefix(f"{name}-")):
            del element.attrib["id"]
        if "d" in element.attrib:
            element.set("d", " ".join(element.get("d", "").split()))
        if _NO_TURN.fullmatch(element.get("transform", "")):
            del element.attrib["transform"]
        style = element.get("style", "")
        if font := _FONT.search(style):
            fonts[font[1]] = None
            element.set("style", _FONT.sub("", style))
        _share_style(element)
    return next(iter(fonts), "")


def _share_style(group: ET.Element) -> None:
    """Move the style that all markers of a line share to their group."""
    styles = {child.get("style") for child in group}
    if (
        len(group) > 1
        and len(styles) == 1
        and all(child.tag == f"{{{_NAMESPACE}}}use" for child in group)
    ):
        group.set("style", styles.pop() or "")
        for child in group:
            child.attrib.pop("style", None)
