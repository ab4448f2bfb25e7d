"""Links between the report's pages: any page can refer to a part of any other by its id alone."""

import re
from collections.abc import Mapping

_ID = re.compile(r'\bid="([^"]+)"')
_LINK = re.compile(r'(<a\b[^>]*?\bhref=")(\?[^"#]*)?#([^"]+)"')


def across(pages: Mapping[str, str]) -> dict[str, str]:
    """Complete links to `#part` with the file name of the page that contains the part, if another.

    A query before the `#` is kept.

    Args:
        pages: the HTML of each page, by file name.
    """
    parts = {name: set(_ID.findall(html)) for name, html in pages.items()}

    def whole(here: str, link: re.Match[str]) -> str:
        start, query, part = link[1], link[2] or "", link[3]
        there = (
            here
            if part in parts[here]
            else next((name for name in pages if part in parts[name]), here)
        )
        return f'{start}{"" if there == here else there}{query}#{part}"'

    return {
        name: _LINK.sub(lambda link, here=name: whole(here, link), html)  # type: ignore[misc]
        for name, html in pages.items()
    }
