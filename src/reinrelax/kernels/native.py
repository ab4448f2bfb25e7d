"""C kernels, compiled for the current processor when first used.

If compilation fails, callers fall back to slower torch code. The environment variable `CC` selects
the compiler and `CFLAGS` adds flags; `CC=false` disables compilation.
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
# -ffast-math would flush denormals in the whole process and break comparisons with NaN.
_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_SECONDS = 60
# Age at which compiled kernels are deleted: most are from an outdated source or compiler.
_KEPT_SECONDS = 90 * 24 * 3600
_OTHERS = 0o022  # write permission for group and others


_loaded: set[str] = set()


def loaded() -> list[str]:
    """Return the names of the kernels that this process has loaded, for provenance."""
    return sorted(_loaded)


def buffer(*shape: int) -> Tensor:
    """Allocate a contiguous float32 tensor `[*shape]` on the CPU, for C to write to.

    It does not depend on the process's default dtype and device.
    """
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def addresses(*tensors: Tensor) -> list[int]:
    """Return the memory addresses of tensors, for C."""
    return [tensor.data_ptr() for tensor in tensors]


def check(tensor: Tensor, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the tensor if C can use its memory as a contiguous array `[*shape]` of this dtype.

    Raises:
        InputError: its shape, dtype, device or layout differs.
    """
    plain = tensor.device.type == "cpu" and tensor.layout == torch.strided and not tensor.is_neg()
    if not (
        plain and tensor.dtype == dtype and tensor.shape == tuple(shape) and tensor.is_contiguous()
    ):
        raise InputError(
            f"compiled kernels take contiguous {dtype} {list(shape)} on the CPU; got {tensor.dtype}"
            f" {list(tensor.shape)} on {tensor.device}, strides {list(tensor.stride())}"
        )
    return tensor


@cache
def load(source: Path) -> ctypes.CDLL | None:
    """Compile and load a C file; None, with a warning on standard error, if that fails."""
    own = shlex.split(os.environ.get("CFLAGS", ""))
    compiler = shlex.split(os.environ.get("CC") or "cc")
    command = [*compiler, "-march=native", *_FLAGS, *own]
    made_of = [source.read_bytes(), *(path.read_bytes() for path in sorted(_HERE.glob("*.h")))]
    key = hashlib.sha256(b"\0".join([*made_of, repr(command).encode(), _processor()])).hexdigest()[
        :32
    ]
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
    """Compile to a temporary file and rename it: other processes may compile the same kernel."""
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
        with suppress(OSError):  # another process has deleted it
            if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
                old.unlink()


def _folder() -> Path:
    """Return the folder of compiled kernels: the user's cache, writable by the user only.

    Raises:
        PermissionError: the folder belongs to another user.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reinrelax"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise PermissionError(
            f"{folder} is another user's; set XDG_CACHE_HOME to a folder of your own"
        )
    if found.st_mode & _OTHERS:
        folder.chmod(found.st_mode & ~_OTHERS)
    return folder


def _is_own(library: Path) -> bool:
    """Check that the library exists and that no other user can have written it."""
    if not library.is_file():
        return False
    found = library.stat()
    return found.st_uid == os.getuid() and not found.st_mode & _OTHERS


def _processor() -> bytes:
    """Identify the processor, on which -march=native depends: machines may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}".encode()
    return b"\n".join(
        sorted({line for line in lines if line.startswith((b"model name", b"flags", b"Features"))})
    )
