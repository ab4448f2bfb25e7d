"""Several mistakes in files that people write by hand, told at once."""

from reinrelax.errors import ConfigError


class Mistakes:
    """Errors of several checks, kept until the outermost `with` ends, which raises all as one."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._depth = 0

    def add(self, mistake: str) -> None:
        """Keep one."""
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
