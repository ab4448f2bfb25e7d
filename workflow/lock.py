"""Renew requirements.lock from pyproject.toml, and environment.yml from it. Needs uv."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

PIN = re.compile(r"^([a-z0-9-]+)==([^ \\]+)", re.MULTILINE)
HEAD = """\
# The same environment for conda users: `conda env create -f environment.yml`.
# `make lock` writes it, and a test holds it to requirements.lock.
name: reinrelax
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.12
  - pip
  - make
  - pip:
"""


def main() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    options = "--all-extras --universal --python-version 3.11 --fork-strategy fewest --generate-hashes"
    silent = "--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock"
    command = ["pip", "compile", "pyproject.toml", *options.split(), *silent.split()]
    subprocess.run([sys.executable, "-m", "uv", *command], check=True)
    # Of several versions the first is for the older Pythons, among them the one above.
    pins = dict(reversed(PIN.findall(Path("requirements.lock").read_text(encoding="utf-8"))))
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = [re.split(r"[<>=!~ ]", requirement, maxsplit=1)[0].lower() for requirement in direct]
    lines = [f"      - {name}=={pins[name]}\n" for name in names]
    Path("environment.yml").write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
