"""The checked configuration, the jobs, and the command that every rule runs."""

import os
import re
import shlex
import sys

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config

from reinrelax.config import declared
from reinrelax.config import load as configuration
from reinrelax.config.run import digest
from reinrelax.core import yaml_file, files, sources
from reinrelax.datasets import data
from reinrelax.errors import ReinrelaxError
from reinrelax.execution import caches, run_lock, interrupts, gpu_lease, estimates
from reinrelax.execution.follow import Follower
from reinrelax.jobs import planned, studies
from reinrelax.results import finished

# Jobs run with the interpreter and source of Snakemake itself, even if no environment is active. An interpreter that
# Snakemake deploys takes precedence on the path.
os.environ.update(
    (name, os.pathsep.join([first, *filter(None, [os.environ.get(name)])]))
    for name, first in {
        "PATH": os.path.dirname(sys.executable),
        "PYTHONPATH": str(PROJECT / "src"),
    }.items()
)
caches.ensure(Path(".snakemake/cache"))

try:
    if IS_MODULE:
        # The configuration of the including workflow is merged over the project's own.
        _own = yaml_file.read_yaml(PROJECT / "config.yaml")
        update_config(_own, config)
        config = _own
    else:
        # Snakemake has read these files, but silently keeps the last of two equal keys.
        for _path in workflow.configfiles:
            yaml_file.read_yaml(Path(_path))
        # Snakemake has read `--config` as well, but keeps nested values as text.
        update_config(config, yaml_file.typed(workflow.config_settings.config))
    ASKED = configuration.load(config, Path() if PROJECT.samefile(Path()) else PROJECT)
    # Rules exist for all planned jobs; `only` restricts the requested outputs.
    SETTINGS = ASKED.whole
    FOLDER = SETTINGS.folder
    run_lock.check_folder(FOLDER)
    PLANNED = planned.jobs(SETTINGS)
    JOBS = list(planned.jobs(ASKED).values())
    AT_HAND = data.at_hand(SETTINGS.dataset, FOLDER / "data")
    # Processes of jobs do not lock the folder. A dry run only looks and changes nothing.
    if not workflow.is_main_process:
        OCCUPANT = ""
    elif workflow.output_settings.dryrun:
        OCCUPANT = run_lock.occupant(FOLDER)
    else:
        OCCUPANT = run_lock.acquire(FOLDER, Path(".snakemake/locks"))
    if OCCUPANT:
        print(
            f"{FOLDER} is in use by another run ({OCCUPANT}). Wait for it, or stop it; no --unlock is needed",
            file=sys.stderr,
        )
    RUNS = not OCCUPANT and workflow.is_main_process
    RUNS = RUNS and not workflow.output_settings.dryrun
    if RUNS:
        run_lock.undo_future(FOLDER)
    # Jobs read the configuration that Snakemake merged. It is not stored with the results, because a command that
    # starts no job, such as `--summary`, may use another one.
    CONFIG_FILE = Path(".snakemake/reinrelax", f"{digest(str(FOLDER))[:16]}.yaml")
    CONFIGURATION = yaml.safe_dump(config, sort_keys=False)
    if RUNS or not CONFIG_FILE.exists():
        files.write_text(CONFIG_FILE, CONFIGURATION)
    # An input, so that Snakemake copies it to nodes that share no folder. The parts that a job depends on are hashed
    # separately.
    CONFIGURED = ancient(CONFIG_FILE)
except ReinrelaxError as error:
    raise WorkflowError(str(error)) from None


if str(workflow.modifier.modify_path(str(FOLDER))) != str(FOLDER):
    raise WorkflowError(
        f"{FOLDER}: jobs write to the folder given by `results`. Set it in the module's `config` instead of `prefix`"
    )


def mark_forced():
    """Mark the cells to be retrained because of --force, --forceall or --forcerun.

    Only the main process knows them: on a cluster, every job is forced.
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


def follow():
    """Report after each job where the run stands, and note for `reinrelax status` which jobs run."""
    named = {str(FOLDER / job.target): name for name, job in PLANNED.items()}

    def numbered(some_jobs):
        return {
            workflow.dag.jobid(job): named[str(path)]
            for job in some_jobs
            for path in job.output
            if str(path) in named
        }

    todo, planned = map(numbered, (workflow.dag.needrun_jobs(), workflow.dag.jobs))
    if RUNS and todo and not workflow.touch:
        cores = workflow.resource_settings.cores or 1
        at_once = PLACES or max(1, cores // SETTINGS.machine.threads)
        logger.addHandler(
            Follower(
                *(SETTINGS, todo, len(planned)),
                *(at_once if workflow.local_exec else None, logger),
            )
        )


# Jobs that compute on a GPU wait for a slot in the scheduler: a job that waited by itself would occupy a core. The
# GPUs of a cluster's nodes are unknown here; the profile states what jobs request.
PLACES = 0
if workflow.local_exec and SETTINGS.machine.device != "cpu":
    PLACES = SETTINGS.machine.jobs_per_gpu * len(gpu_lease.visible_devices())
    if PLACES and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", PLACES)
GPU = min(1, PLACES)

# Timings for the resources that jobs request from a cluster.
TIMINGS = estimates.reference(PROJECT)


def job_of(name, wildcards):
    """Return the job of this name, in which wildcards are in braces."""
    return PLANNED[name.format(**wildcards)]


def fingerprint_of(name):
    """Make the function that returns a job's fingerprint: all settings and source that its result depends on."""
    return lambda wildcards: job_of(name, wildcards).fingerprint


def mb_of(name):
    """Make the function that returns a job's memory in MB, which grows with each attempt."""
    return lambda wildcards, attempt: attempt * estimates.memory_mb(
        job_of(name, wildcards)
    )


def minutes_of(name):
    """Make the function that returns a job's time limit in minutes."""
    return lambda wildcards: estimates.limit_minutes(
        estimates.estimate(SETTINGS, job_of(name, wildcards), TIMINGS)
    )


def compute(name):
    """Return the shell command of a rule that computes jobs of this name."""
    asked = re.sub(r"{(\w+)}", r"{wildcards.\1:q}", name)
    return reinrelax(f"compute --fingerprint {{params.fingerprint}} --job {asked}")


def files_of(some_jobs):
    """Return the files of these jobs once they are finished."""
    return [FOLDER / path for job in some_jobs for path in job.files]


def experiment_files(*names):
    """Return the requested files of these experiments, as printed and as run."""
    names = {*names, *(f"{name}{configuration.AS_RUN}" for name in names)}
    return files_of(job for job in JOBS if job.experiment in names)


def study_files(name, tables):
    """Return the files that a study of this name writes."""
    return [
        FOLDER / name / file for file in (*(f"{t}.csv" for t in tables), "record.json")
    ]


def snapshot_file(wildcards):
    """Return the file of the parameters at the snapshots that a study of gradients reads."""
    return studies.snapshot_path(SETTINGS, wildcards.experiment)


def content_hash(*paths):
    """Hash the contents of files and folders of the project."""
    return sources.content_hash(paths, PROJECT)


# Names of the file formats in Snakemake's report.
FORMATS = {
    ".svg": "SVG",
    ".csv": "CSV",
    ".tex": "LaTeX",
    ".md": "Markdown",
    ".json": "JSON",
    ".html": "HTML",
}


def captioned(path, category):
    """Declare an output that Snakemake's report shows under a paper and a kind, with a caption from a file."""
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
    """Return the shell command of a rule: its output goes to its log, whose last lines are shown if it fails.

    A job killed by a signal, or by the dynamic loader (status 127), cannot report why. The usual cause is lack of
    memory, so the command adds a hint.
    """
    options = f"--config {shlex.quote(str(CONFIG_FILE))}"
    if SETTINGS.project != Path():
        options += f" --project {shlex.quote(str(SETTINGS.project))}"
    options = options.replace("{", "{{").replace("}", "}}")
    hint = "killed from outside: if memory is short, use fewer --cores or lower machine.max_replicas_per_job"
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
