"""Reduction of the size of drawn figures: repeated styles are merged, and unused parts removed."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection

NAMESPACE = "http://www.w3.org/2000/svg"
_FONT = re.compile(r"font-family: ([^;\"]*); ?")
_AUTOMATIC = re.compile(r"[A-Za-z0-9.]+_\d+")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")


def slim(root: ET.Element, name: str, keep: Collection[str]) -> str:
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
        and all(child.tag == f"{{{NAMESPACE}}}use" for child in group)
    ):
        group.set("style", styles.pop() or "")
        for child in group:
            child.attrib.pop("style", None)
