"""The checked configuration, the jobs, and the command that every rule runs."""

import os
import re
import shlex
import sys

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from reinrelax.config import declared
from reinrelax.config import load as configuration
from reinrelax.config.run import digest
from reinrelax.core import document, files, sources
from reinrelax.datasets import data
from reinrelax.errors import ReinrelaxError
from reinrelax.execution import guard, interrupts, lease, plan
from reinrelax.jobs import planned, studies
from reinrelax.results import finished

# Jobs run with the interpreter and the source that Snakemake runs with, whether or not an environment is active;
# one that Snakemake itself deploys comes before it on the path.
os.environ.update(
    (name, os.pathsep.join([first, *filter(None, [os.environ.get(name)])]))
    for name, first in {
        "PATH": os.path.dirname(sys.executable),
        "PYTHONPATH": str(PROJECT / "src"),
    }.items()
)

try:
    if IS_MODULE:
        # What the other workflow says are differences from the project's own configuration.
        _own = document.read_yaml(PROJECT / "config.yaml")
        update_config(_own, config)
        config = _own
    else:
        # Snakemake has read them, but takes the last of two equal keys without a word.
        for _path in workflow.configfiles:
            document.read_yaml(Path(_path))
        # It has read `--config`, too, but leaves what is nested there as text.
        update_config(config, document.typed(workflow.config_settings.config))
    ASKED = configuration.load(config, Path() if PROJECT.samefile(Path()) else PROJECT)
    # There are rules for all that is planned, and `only` says what is to be there.
    SETTINGS = ASKED.whole
    FOLDER = SETTINGS.folder
    guard.check_folder(FOLDER)
    PLANNED = planned.jobs(SETTINGS)
    JOBS = list(planned.jobs(ASKED).values())
    AT_HAND = data.at_hand(SETTINGS.dataset, FOLDER / "data")
    # Jobs of a run are its own; a dry run, which is no run, looks on and leaves everything as it is.
    if not workflow.is_main_process:
        OCCUPANT = ""
    elif workflow.output_settings.dryrun:
        OCCUPANT = guard.occupant(FOLDER)
    else:
        OCCUPANT = guard.claim(FOLDER, Path(".snakemake/locks"))
    if OCCUPANT:
        print(
            f"{FOLDER} is in use by another run ({OCCUPANT}). Wait for it, or stop it; no --unlock is needed",
            file=sys.stderr,
        )
    RUNS = not OCCUPANT and workflow.is_main_process
    RUNS = RUNS and not workflow.output_settings.dryrun
    if RUNS:
        guard.undo_future(FOLDER)
    # Jobs read the configuration that Snakemake put together. Not from the results: what starts no job, such as
    # `--summary`, may have another one.
    CONFIG_FILE = Path(".snakemake/reinrelax", f"{digest(str(FOLDER))[:16]}.yaml")
    CONFIGURATION = yaml.safe_dump(config, sort_keys=False)
    if RUNS or not CONFIG_FILE.exists():
        files.write_text(CONFIG_FILE, CONFIGURATION)
    # As an input: where nodes share no folder, Snakemake brings it to them. What of it a job depends on is hashed.
    CONFIGURED = ancient(CONFIG_FILE)
except ReinrelaxError as error:
    raise WorkflowError(str(error)) from None


if str(workflow.modifier.modify_path(str(FOLDER))) != str(FOLDER):
    raise WorkflowError(
        f"{FOLDER}: jobs write where `results` says. Set it in the module's `config`, instead of `prefix`"
    )


def mark_forced():
    """Have the cells trained anew that --force, --forceall or --forcerun are for.

    Known to a run at its start alone: on a cluster, every job is forced.
    """
    if RUNS and not workflow.touch:
        forced = {
            Path(str(path))
            for job in workflow.dag.needrun_jobs()
            if workflow.dag.reason(job).forced
            for path in job.output
        }
        for job in PLANNED.values():
            if job.runs:
                finished.mark(FOLDER / job.target, FOLDER / job.target in forced)


# Jobs that compute on a GPU wait for a place on one in the scheduler: a job that waited by itself would hold a core
# meanwhile. Of a cluster's nodes, this machine knows nothing: there the profile says what they ask for.
PLACES = 0
if workflow.local_exec and SETTINGS.machine.device != "cpu":
    PLACES = SETTINGS.machine.jobs_per_gpu * len(lease.visible_devices())
    if PLACES and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", PLACES)
GPU = min(1, PLACES)

# What jobs ask a cluster for.
TIMINGS = plan.reference(PROJECT)


def job_of(name, wildcards):
    """The job of this name, in which wildcards stand in braces."""
    return PLANNED[name.format(**wildcards)]


def fingerprint_of(name):
    """All that a job's result depends on: what is asked for and the source that computes it."""
    return lambda wildcards: job_of(name, wildcards).fingerprint


def mb_of(name):
    """A job's memory, MB; more where less was not enough."""
    return lambda wildcards, attempt: attempt * plan.memory_mb(job_of(name, wildcards))


def minutes_of(name):
    """A job's time limit."""
    return lambda wildcards: plan.limit_minutes(
        plan.estimate(SETTINGS, job_of(name, wildcards), TIMINGS)
    )


def compute(name):
    """The shell line of a rule that computes jobs of this name."""
    asked = re.sub(r"{(\w+)}", r"{wildcards.\1:q}", name)
    return reinrelax(f"compute --fingerprint {{params.fingerprint}} --job {asked}")


def files_of(some_jobs):
    """What is there where these jobs are finished."""
    return [FOLDER / path for job in some_jobs for path in job.files]


def experiment_files(*names):
    """What is there where what is asked for of these experiments, printed and as run, is finished."""
    names = {*names, *(f"{name}{configuration.AS_RUN}" for name in names)}
    return files_of(job for job in JOBS if job.experiment in names)


def study_files(name, tables):
    """What studies of this name write."""
    return [
        FOLDER / name / file for file in (*(f"{t}.csv" for t in tables), "record.json")
    ]


def snapshot_file(wildcards):
    """The parameters at the snapshots that a study of gradients reads."""
    return studies.snapshot_path(SETTINGS, wildcards.experiment)


def content_hash(*paths):
    """A hash of what is in files and folders of the project."""
    return sources.content_hash(paths, PROJECT)


# Formats of the files that Snakemake's report shows, as a reader calls them.
FORMATS = {
    ".svg": "SVG",
    ".csv": "CSV",
    ".tex": "LaTeX",
    ".md": "Markdown",
    ".json": "JSON",
    ".html": "HTML",
}


def captioned(path, category):
    """An output that Snakemake's report shows under a paper and a kind, with its caption, of which it wants a file."""
    kind = {".svg": "figure", ".html": "report"}.get(path.suffix, "table")
    text = declared.CAPTIONS[kind, path.stem].replace("{scale}", SETTINGS.scale)
    file = CONFIG_FILE.with_suffix("").absolute() / f"{kind}-{path.stem}.rst"
    if not file.exists() or RUNS and file.read_text(encoding="utf-8") != text:
        files.write_text(file, text)
    return report(
        path,
        caption=str(file),
        category=category,
        subcategory={"report": "Page"}.get(kind, f"{kind.capitalize()}s"),
        labels={"shows": text.split("**")[1], "format": FORMATS[path.suffix]},
    )


def reinrelax(command, redirect="2>"):
    """The shell line of a rule: its output goes to its log, whose last lines are shown when it fails.

    A job that a signal or the system's loader (127) ended, which a want of memory usually is, could not say why.
    """
    options = f"--config {shlex.quote(str(CONFIG_FILE))}"
    if SETTINGS.project != Path():
        options += f" --project {shlex.quote(str(SETTINGS.project))}"
    options = options.replace("{", "{{").replace("}", "}}")
    hint = "ended from outside: if memory is short, fewer --cores or a lower machine.max_replicas_per_job"
    shown = (
        f"tail -n 5 {{log:q}} >&2; [ $status -lt 127 ] || echo {{log:q}}: '{hint}' >&2"
    )
    logged = f"{redirect} {{log:q}} || (status=$?; {shown}; exit $status)"
    return f"python3 -m reinrelax {command} {options} {logged}"


wildcard_constraints:
    experiment=r"[a-z-]+",
    shape=r"\d+x\d+",
    estimator=r"[^/]+",


localrules:
    all,
    beta,
    early,
    elbo,
    gradients,
    grid,
    readings,
    relaxations,
    rl,
