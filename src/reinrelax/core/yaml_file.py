"""Safe reading of YAML files, and limits on the content of hand-written ones."""

import math
from collections.abc import Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from reinrelax.errors import ConfigError

# Limits far above what a configuration needs and far below what would keep a machine busy: nested
# aliases make a short document that takes practically forever to walk.
_DEEPEST, _MOST, _LONGEST, _LARGEST = 12, 100_000, 1000, 1e15


class _Plain(yaml.constructor.SafeConstructor):
    """A constructor of plain YAML types that rejects duplicate keys.

    PyYAML itself keeps only the last value of a duplicate key.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if isinstance(node, yaml.MappingNode):
            names = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            seen: set[str] = set()
            for key in names:
                if key.value in seen:
                    problem = f"the key {_short(key.value)} appears twice in one mapping"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Loader(_Plain, yaml.SafeLoader):
    """The loader in Python, whose errors include the line."""


class _FastLoader(_Plain, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The loader in C, ten times as fast, if PyYAML was built with it.

    Documents that are nested too deeply crash the process.
    """


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        ConfigError: the file is missing, is not UTF-8 or not YAML, or has a duplicate key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; run from the project's folder, or name it with --project"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not readable as UTF-8 YAML: {error}") from None
    return from_yaml(text, str(path))


def from_yaml(text: str, where: str) -> Any:
    """Parse YAML text.

    Raises:
        ConfigError: the text is not YAML or has a duplicate key; the message begins with `where`.
    """
    with suppress(ValueError, yaml.YAMLError):  # the other says what is wrong
        if _is_flat(text):
            return _FastLoader(text).get_single_data()  # type: ignore[call-arg]
    try:
        return _Loader(text).get_single_data()
    except RecursionError:
        raise ConfigError(f"{where}: not readable as YAML: nested too deeply") from None
    # PyYAML raises a plain ValueError for impossible dates and for numbers of thousands of digits.
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{where}: not readable as UTF-8 YAML: {error}") from None


def _is_flat(text: str) -> bool:
    """Check whether a document is nested no deeper than hand-written ones."""
    depth = 0
    for event in yaml.parse(text, Loader=_FastLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
            event, yaml.CollectionEndEvent
        )
        if depth > _DEEPEST:
            return False
    return True


def flow(value: Any) -> str:
    """Format a value as YAML on one line, such as `{shapes: [8x4]}`."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf).strip()


def path_of(key: str, text: str) -> Path:
    """Read a path as people write it: expand a leading `~` to the home folder.

    Raises:
        ConfigError: the user does not exist; names the key.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{key}: {text} does not name a known user's home folder. Write the full path"
        ) from None


def typed(value: Any) -> Any:
    """Parse nested text as YAML: Snakemake passes values of `--config` as text."""
    if isinstance(value, Mapping):
        return {key: typed(below) for key, below in value.items()}
    if isinstance(value, list):
        return [typed(below) for below in value]
    if not isinstance(value, str):
        return value
    loader = _Loader("")
    return loader.construct_object(
        yaml.ScalarNode(loader.resolve(yaml.ScalarNode, value, (True, False)), value)
    )


def check_plain(document: Any) -> None:
    """Check that a document has only mappings with text keys, lists, short text and finite numbers.

    Raises:
        ConfigError: it has anything else, or is too deep or too large; names the key.
    """
    seen = 0

    def walk(value: Any, key: str, depth: int) -> None:
        nonlocal seen
        seen += 1
        where = key or "configuration"
        if seen > _MOST:
            raise ConfigError(f"{where}: the configuration has more than {_MOST:,} entries")
        if depth > _DEEPEST:
            raise ConfigError(f"{where}: nested more than {_DEEPEST} deep")
        if isinstance(value, dict):
            for name, below in value.items():
                if not isinstance(name, str) or (problem := _of_text(name)):
                    problem = problem if isinstance(name, str) else "must be text"
                    raise ConfigError(f"{where}: the key {_short(name)} {problem}")
                walk(below, f"{key}.{name}" if key else name, depth + 1)
        elif isinstance(value, list):
            for index, below in enumerate(value):
                walk(below, f"{key}[{index}]", depth + 1)
        elif problem := _of_value(value):
            raise ConfigError(f"{where}: {problem}; got {_short(value)}")

    walk(document, "", 0)


def _of_value(value: Any) -> str | None:
    """Return the problem with a value that is neither a mapping nor a list, or None."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _of_text(value)
    if not isinstance(value, int | float):
        return "must be text, a number, true, false, null, a list or a mapping"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    return f"must be at most {_LARGEST:g} in size" if abs(value) > _LARGEST else None


def _of_text(text: str) -> str | None:
    if len(text) > _LONGEST:
        return f"must be at most {_LONGEST} characters long"
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in text):
        return "must be one line of readable characters"
    return None


def _short(value: Any) -> str:
    """Format a value for an error message."""
    if isinstance(value, str) and len(value) > 60:
        return f"{value[:40]!r}… of {len(value):,} characters"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a larger one"  # Python refuses to format integers of thousands of digits
    return (
        repr(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    )


def merged(below: dict[str, object], above: dict[str, object]) -> dict[str, object]:
    """Merge nested mappings key by key, as Snakemake does; replace any other value."""
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = (
            merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return out
