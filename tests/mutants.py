"""How many planted faults the fast tests notice: `make mutants`, or `python -m tests.mutants
[WORD]`.

Every fault of `mutations.yaml` is planted by itself in a copy of the source, and one of the tests
named with it must fail. With a word, only faults in files whose path holds it.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ENOUGH = 0.95
ROOT = Path(__file__).parents[1]
_SOURCE = ROOT / "src"
# Slow imports, made once by the server that processes fork from. The project itself must not be
# among them.
_IMPORTED = ("torch", "pandas", "scipy.stats", "matplotlib.figure", "jsonschema", "tqdm")


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        file: below `src/reinrelax`.
        original: a text that stands there exactly once.
        replacement: what is planted.
        tests: files below `tests`, of which some test must fail.
    """

    file: str
    original: str
    replacement: str
    tests: tuple[str, ...]


MUTANTS = [
    Mutant(group["file"], original, replacement, tuple(group["tests"]))
    for group in yaml.safe_load((ROOT / "tests/mutations.yaml").read_text(encoding="utf-8"))
    for original, replacement in group["faults"]
]


def misplaced(mutants: Sequence[Mutant]) -> list[str]:
    """The originals that do not stand exactly once where they should, in words."""
    counted = [
        ((_SOURCE / "reinrelax" / m.file).read_text(encoding="utf-8").count(m.original), m)
        for m in mutants
    ]
    return [f"{m.file}: {count} times {m.original!r}" for count, m in counted if count != 1]


def caught(mutant: Mutant) -> bool:
    """Whether one of the tests named with a fault fails once it is planted; in a process of its
    own.
    """
    return bool(failing(mutant.tests, mutant))


def failing(tests: Sequence[str], mutant: Mutant | None = None) -> str:
    """What pytest says of the first of these tests that fails on a copy of the source; empty if
    none does.

    In this process, which is to end then.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        source = Path(folder) / "src"
        shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        if mutant:
            path = source / "reinrelax" / mutant.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(mutant.original, mutant.replacement), encoding="utf-8")
        # For this process and for those that its tests start.
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        with (Path(folder) / "said").open("w") as said:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(said.fileno(), stream.fileno())
        options = [
            "-x",
            "-q",
            "-m",
            "not slow",
            "-p",
            "no:cacheprovider",
            "--basetemp",
            f"{folder}/tests",
        ]
        status = pytest.main([*options, *(str(ROOT / "tests" / test) for test in tests)])
        sys.stdout.flush()
        return (Path(folder) / "said").read_text(encoding="utf-8") if status else ""


def main(word: str = "") -> int:
    """Print what became of every fault, and the share that was caught; 1 where that is too
    small.
    """
    mutants = [mutant for mutant in MUTANTS if word in mutant.file]
    if lost := misplaced(mutants):
        print("\n".join(lost))
        return 1
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(list(_IMPORTED))
    missed = 0
    with ProcessPoolExecutor(os.cpu_count(), server, max_tasks_per_child=1) as pool:
        whole = sorted({test for mutant in mutants for test in mutant.tests})
        if said := pool.submit(failing, whole).result():
            print(f"fails without a fault:\n{said}")
            return 1
        for mutant, noticed in zip(mutants, pool.map(caught, mutants), strict=True):
            missed += not noticed
            said = f"{mutant.file}: {mutant.original.strip()!r} → {mutant.replacement.strip()!r}"
            print(f"{'caught' if noticed else 'MISSED'}  {said}", flush=True)
    share = 1 - missed / len(mutants)
    print(f"{len(mutants) - missed} of {len(mutants)} faults are caught: {share:.0%}")
    return int(share < ENOUGH)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
