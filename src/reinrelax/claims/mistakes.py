"""Collection of several mistakes in hand-written files, so that they are reported at once."""

from collections.abc import Collection
from typing import Any

from reinrelax.errors import ConfigError


class Mistakes:
    """Errors of several checks, collected until the outermost `with` ends and raised as one."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._depth = 0

    def add(self, mistake: str) -> None:
        """Add a mistake."""
        self._found.append(mistake)

    def __enter__(self) -> "Mistakes":
        self._depth += 1
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self._depth -= 1
        if isinstance(error, ConfigError):
            self._found.append(str(error))
        elif error is not None:
            return False
        if self._depth == 0 and self._found:
            raise ConfigError("\n".join(self._found)) from None
        return error is not None


def check_keys(
    where: str, mapping: Any, required: Collection[str], optional: Collection[str] = ()
) -> None:
    """Check that a mapping has the required keys and no unknown ones.

    Args:
        where: file and place, for messages.
        mapping: the value to check.
        required: keys that it must have.
        optional: keys that it may have.

    Raises:
        ConfigError: the value is not a mapping, or has wrong keys; these are listed one per line.
    """
    if not isinstance(mapping, dict):
        raise ConfigError(f"{where}: must be a mapping of keys; got {mapping!r}")
    allowed = ", ".join((*required, *(key for key in optional if key not in required)))
    unknown = [
        f"{where}.{key}: unknown key; allowed: {allowed}"
        for key in mapping
        if key not in (*required, *optional)
    ]
    missing = [f"{where}.{key}: missing" for key in required if key not in mapping]
    if unknown or missing:
        raise ConfigError("\n".join([*unknown, *missing]))
