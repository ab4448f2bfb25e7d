"""Reports that many tests start from, built once a run of tests: each gets a copy of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reinrelax.config import load as configuration
from reinrelax.config.load import Config
from tests.conftest import ROOT, at_scale, made_once
from tests.helpers.pages import Load, build, elbo, flat
from tests.helpers.synthetic import write_results, write_studies


def _everything(config: Config) -> None:
    write_results(config, flat)
    write_studies(config)


# What is planted before the report is built.
_PLANTED: dict[str, Callable[[Config], None]] = {
    "nothing": lambda config: None,
    "elbo": lambda config: write_results(config, flat, only=elbo),
    "everything": _everything,
}


def _copy(temporary: pytest.TempPathFactory, name: str, config: Config) -> Config:
    def make(results: Path) -> None:
        own = configuration.load({**at_scale("test").raw, "results": str(results)}, ROOT)
        _PLANTED[name](own)
        build(own)

    shutil.copytree(made_once(temporary, f"of-{name}", make), config.results)
    return config


@pytest.fixture
def of_nothing(load_config: Load, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tests' scale before anything has run, with its report."""
    return _copy(tmp_path_factory, "nothing", load_config())


@pytest.fixture
def of_elbo(load_config: Load, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tests' scale with planted results of `elbo` alone, with its report."""
    return _copy(tmp_path_factory, "elbo", load_config())


@pytest.fixture
def of_everything(load_config: Load, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tests' scale with planted results of everything, with its report."""
    return _copy(tmp_path_factory, "everything", load_config())


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The same, for tests that only read."""
    raw = {
        **at_scale("test").raw,
        "results": str(tmp_path_factory.mktemp("everything") / "results"),
    }
    return _copy(tmp_path_factory, "everything", configuration.load(raw, ROOT))
