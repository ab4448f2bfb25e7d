"""The checked configuration, the cells, and the command that every rule runs."""

import sys

import yaml
from snakemake.exceptions import WorkflowError

from reinrelax import config as configuration
from reinrelax import data, files, plan, runs, sources
from reinrelax.errors import ReinrelaxError

# The interpreter that runs Snakemake has the package, whether or not an environment is active.
COMMAND = f"{sys.executable} -m reinrelax"

try:
    SETTINGS = configuration.load(config)
    FOLDER = SETTINGS.folder
    CELLS = runs.cells(SETTINGS)
    # Jobs read the configuration that Snakemake put together, from a file that changes only when it does.
    CONFIG_FILE = FOLDER / "config.yaml"
    _text = yaml.safe_dump(config, sort_keys=False)
    if not CONFIG_FILE.exists() or CONFIG_FILE.read_text(encoding="utf-8") != _text:
        files.write_text(CONFIG_FILE, _text)
except ReinrelaxError as error:
    raise WorkflowError(str(error)) from None

EFFECTIVE = f"--config {CONFIG_FILE}"


wildcard_constraints:
    experiment=r"[a-z-]+",
    shape=r"\d+x\d+",
    estimator=r"[^/]+",


localrules:
    all,
