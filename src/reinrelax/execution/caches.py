"""The user's cache folder, replaced where it cannot be written."""

import os
from collections.abc import MutableMapping
from pathlib import Path

_NAME = "XDG_CACHE_HOME"


def ensure(fallback: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set XDG_CACHE_HOME to `fallback` if the user's cache folder cannot be written.

    Compiled kernels and matplotlib keep their caches there. Without a cache, kernels are not
    compiled, and training is slower.
    """
    folder = Path(environ.get(_NAME) or os.path.expanduser("~/.cache"))
    place = next(path for path in (folder, *folder.parents) if path.exists())
    # A user without a home folder keeps the `~`.
    if not (folder.is_absolute() and place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        environ[_NAME] = str(fallback.absolute())
