"""Renew requirements.lock, and environment.yml, from pyproject.toml. Needs uv."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

HEAD = """\
# What the workflow needs, for conda users: `conda env create -f environment.yml`, or `--sdm conda`.
# `make lock` writes it from pyproject.toml. The versions are ranges, because conda's channels are not as quick as the
# index that requirements.lock pins. Without a GPU driver, conda chooses the builds of pytorch for the CPU alone.
name: reinrelax
channels: [conda-forge, bioconda, nodefaults] # snakemake and its plugin are in bioconda
dependencies:
  - python=3.12
  - pip
  - make
  - c-compiler
"""
EXTRAS = ("workflow", "report", "rl")
# Names that differ in conda's channels.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "typing-extensions": "typing_extensions"}
# The library that the study `library` measures, which conda does not have; and what it needs that conda has.
PIP, ITS_OWN = "relaxit", "pyro-ppl>=1.9.1"


def main() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    options = "--all-extras --universal --python-version 3.11 --fork-strategy fewest --generate-hashes"
    silent = "--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock"
    command = ["pip", "compile", "pyproject.toml", *options.split(), *silent.split()]
    subprocess.run([sys.executable, "-m", "uv", *command], check=True)
    Path("environment.yml").write_text(environment(Path()), encoding="utf-8")


def environment(root: Path) -> str:
    """Return the content of environment.yml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *chain(*(extras[name] for name in EXTRAS)), ITS_OWN]
    (pinned,) = (line for line in extras["dev"] if line.startswith(PIP))
    text = "".join(f"  - {_in_conda(line)}\n" for line in lines)
    return f"{HEAD}{text}  - pip:\n      - {pinned}\n"


def _in_conda(requirement: str) -> str:
    name, limits = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
    return CONDA.get(name, name) + limits


if __name__ == "__main__":
    main()
