"""Shell commands that recompute results."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from reinrelax.config.load import Config
from reinrelax.core.yaml_file import flow, path_of
from reinrelax.jobs.job import Job


def recompute(config: Config, targets: str | Sequence[str], root: Path) -> str:
    """Return the shell command that recomputes files of the results folder."""
    scale = Path("workflow/scales") / f"{config.scale}.yaml"
    chosen = f"--configfile {scale.as_posix()} " if (root / scale).exists() else ""
    if only := config.raw.get("only"):
        chosen += f"--config {shlex.quote(f'only={flow(only)}')} "
    names = [targets] if isinstance(targets, str) else targets
    # Use the configured folder, not the one where published results are unpacked.
    folder = shlex.quote((path_of("results", config.raw["results"]) / config.scale).as_posix())
    return (
        f"snakemake --cores all {chosen}--force"
        f" {' '.join(f'{folder}/{name}' for name in _braced(names))}"
    )


def compare_anew(config: Config, cell: Job) -> str:
    """Return the shell command that retrains a finished cell and reports the differences."""
    file = (path_of("results", config.raw["results"]) / config.scale / "config.yaml").as_posix()
    return f"python -m reinrelax recompute --config {shlex.quote(file)} {shlex.quote(cell.name)}"


def _braced(names: Sequence[str]) -> list[str]:
    """Return paths in shell syntax.

    Paths that differ only in their last folder or only in their name share braces.
    """
    names = [shlex.quote(name) for name in dict.fromkeys(names)]
    for depth in (-1, -2):
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            parts = name.split("/")
            if len(parts) < -depth:
                return names
            groups.setdefault((*parts[:depth], "", *parts[len(parts) + depth + 1 :]), []).append(
                parts[depth]
            )
        names = [
            "/".join(part or _any(options) for part in key) if "" in key else "/".join(key)
            for key, options in groups.items()
        ]
    return names


def _any(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else "{" + ",".join(options) + "}"
