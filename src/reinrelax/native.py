"""Kernels in C, compiled on their first use for the processor at hand.

Where that cannot be, callers do the same in torch, slower. The environment's `CC` names the compiler, and
`CFLAGS` adds to its flags; `CC=false` is none.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
# Not -ffast-math: it would flush denormals in the whole process, and make NaN compare as it likes.
_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", f"-I{_HERE}")
_SECONDS = 60


_loaded: set[str] = set()


def loaded() -> list[str]:
    """Names of the kernels that this process computes with, for a record."""
    return sorted(_loaded)


@cache
def load(source: Path) -> ctypes.CDLL | None:
    """The library made of a C file; None, and a line on standard error, if it cannot be compiled."""
    own = shlex.split(os.environ.get("CFLAGS", ""))
    compiler = shlex.split(os.environ.get("CC") or "cc")
    command = [*compiler, "-march=native", *_FLAGS, *own]
    made_of = [source.read_bytes(), *(path.read_bytes() for path in sorted(_HERE.glob("*.h")))]
    key = hashlib.sha256(b"\0".join([*made_of, repr(command).encode(), _processor()])).hexdigest()[:32]
    name = f"{source.stem}-{key}.so"
    try:
        library = _folder() / name
        if not library.exists():
            _compile(command, source, library)
        found = ctypes.CDLL(str(library))
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        said = getattr(error, "stderr", None) or str(error)
        print(
            f"WARNING: {source.name} cannot be compiled ({said.strip()[:300]}); "
            "torch computes the same, slower",
            file=sys.stderr,
        )
        return None
    _loaded.add(source.stem)
    return found


def _compile(command: list[str], source: Path, library: Path) -> None:
    """Beside its place first: others may want it at the same time."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        subprocess.run(
            [*command, str(source), "-o", str(made)],
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        made.replace(library)


def _folder() -> Path:
    """Where compiled kernels are kept: the user's cache."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reinrelax"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _processor() -> bytes:
    """What -march=native depends on: homes are shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}".encode()
    return b"\n".join(
        sorted({line for line in lines if line.startswith((b"model name", b"flags", b"Features"))})
    )
