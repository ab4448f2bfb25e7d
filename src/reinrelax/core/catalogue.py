"""Catalogues: entries by name, one line each; an entry's code is loaded when it is first used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar

from reinrelax.errors import ConfigError

E = TypeVar("E")


class Catalogue(dict[str, E]):
    """Entries by name, in the order in which they are listed.

    Args:
        kind: what an entry is, as messages call it, such as "estimator".
        package: the package whose modules the entries name.
        entries: by name.
    """

    def __init__(self, kind: str, package: str, entries: Mapping[str, E]) -> None:
        super().__init__(entries)
        self.kind, self.package = kind, package

    def lookup(self, name: str) -> E:
        """Return the entry of this name.

        Raises:
            ConfigError: no entry has this name; the message lists the known names.
        """
        if name not in self:
            raise ConfigError(f"unknown {self.kind} {name!r}; known: {', '.join(self)}")
        return self[name]

    def load(self: "Catalogue[Any]", name: str) -> Any:
        """Import an entry's `module` and return its `function`, or what has the entry's name.

        Raises:
            ConfigError: no entry has this name.
        """
        entry = self.lookup(name)
        return getattr(
            import_module(f"{self.package}.{entry.module}"), getattr(entry, "function", name)
        )
