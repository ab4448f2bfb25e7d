"""Import of the released package. No other module imports it, or Pyro, on which it is built."""

import inspect
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from reinrelax.errors import ConfigError

PACKAGE, VERSION = "relaxit", "1.2.1"


def released(part: str = "distributions") -> ModuleType:
    """Import a part of the package, in the version that is tested.

    Raises:
        ConfigError: the package, or one that it needs, is not installed, or its version differs.
    """
    try:
        found = version(PACKAGE)
        if found == VERSION:
            return import_module(f"{PACKAGE}.{part}")
        lack = f"{PACKAGE} {found} is installed"
    except PackageNotFoundError:
        lack = f"{PACKAGE} is not installed"
    except ImportError as error:
        lack = f"{PACKAGE} cannot be imported ({error})"
    raise ConfigError(
        f"the study library measures {PACKAGE} {VERSION}, and {lack}. `pip install"
        f" {PACKAGE}=={VERSION}`, or leave the study out by `only`, which names the experiments"
        " that run"
    )


def classes(package: ModuleType) -> dict[str, type]:
    """Return every class that a package or one of its modules defines, by name."""
    found = inspect.getmembers(package, inspect.isclass)
    return {name: kind for name, kind in found if kind.__module__.startswith(package.__name__)}
