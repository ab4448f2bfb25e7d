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
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from reinrelax.errors import InputError

_HERE = Path(__file__).parent
# Not -ffast-math: it would flush denormals in the whole process, and make NaN compare as it likes.
_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_SECONDS = 60
# After which a compiled kernel makes room: most are of a source or a compiler that has changed since.
_KEPT_SECONDS = 90 * 24 * 3600
_OTHERS = 0o022  # may write


_loaded: set[str] = set()


def loaded() -> list[str]:
    """Names of the kernels that this process computes with, for a record."""
    return sorted(_loaded)


def buffer(*shape: int) -> Tensor:
    """Memory for float32 numbers `[*shape]`, one after the other, where C can write them.

    Whatever the process's default dtype and device are.
    """
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def addresses(*tensors: Tensor) -> list[int]:
    """Where the numbers of tensors lie, for C."""
    return [tensor.data_ptr() for tensor in tensors]


def check(tensor: Tensor, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """The tensor, if C may take its memory for numbers `[*shape]` of that type, one after the other.

    Raises:
        InputError: it may not.
    """
    plain = tensor.device.type == "cpu" and tensor.layout == torch.strided and not tensor.is_neg()
    if not (plain and tensor.dtype == dtype and tensor.shape == tuple(shape) and tensor.is_contiguous()):
        raise InputError(
            f"compiled kernels take contiguous {dtype} {list(shape)} on the CPU; got {tensor.dtype} "
            f"{list(tensor.shape)} on {tensor.device}, strides {list(tensor.stride())}"
        )
    return tensor


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
        if not _is_own(library):
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
            [*command, f"-I{_HERE}", str(source), "-o", str(made)],
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        made.chmod(0o700)
        made.replace(library)
    for old in library.parent.glob("*.so"):
        with suppress(OSError):  # another process was faster
            if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
                old.unlink()


def _folder() -> Path:
    """Where compiled kernels are kept: the user's cache, which no one else can write.

    Raises:
        PermissionError: it is another user's.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reinrelax"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise PermissionError(f"{folder} is another user's; set XDG_CACHE_HOME to a folder of your own")
    if found.st_mode & _OTHERS:
        folder.chmod(found.st_mode & ~_OTHERS)
    return folder


def _is_own(library: Path) -> bool:
    """Whether a library is there that no one else can have written."""
    if not library.is_file():
        return False
    found = library.stat()
    return found.st_uid == os.getuid() and not found.st_mode & _OTHERS


def _processor() -> bytes:
    """What -march=native depends on: homes are shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}".encode()
    return b"\n".join(
        sorted({line for line in lines if line.startswith((b"model name", b"flags", b"Features"))})
    )
