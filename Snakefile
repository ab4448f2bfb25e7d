# Contents: images -> trained cells -> tables and verdicts -> figures -> report.
# Every rule runs one command of `python -m reinrelax`; `snakemake --cores all` runs all missing jobs.


from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

_THIS = Path(workflow.snakefile).absolute()
# Whether another workflow includes this one as a module; and this workflow's folder, which may differ from the
# working directory.
IS_MODULE = Path(workflow.main_snakefile).absolute() != _THIS
PROJECT = _THIS.parent


configfile: str(PROJECT / "config.yaml")


# The introduction of Snakemake's own report, which shows the outputs marked with `captioned`.
report: "report/captions/workflow.rst"


include: "workflow/rules/common.smk"


# Applies to the rules defined below; used if a profile or `--software-deployment-method apptainer` enables
# containers.
if SETTINGS.machine.container:

    container: SETTINGS.machine.container


include: "workflow/rules/data.smk"
include: "workflow/rules/vae.smk"
include: "workflow/rules/gradients.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/relaxations.smk"
include: "workflow/rules/rl.smk"
include: "workflow/rules/report.smk"


# Snakemake recreates a missing file only if a target requires it. All outputs of a run are therefore requested here,
# so that a job that failed on a rerun, or whose files were deleted, is run again.
rule all:
    default_target: True
    input:
        rules.data.output,
        files_of(JOBS),
        rules.judge.output,
        rules.draw.output,
        rules.export.output,
        rules.render.output,


# Needed in addition to Snakemake's own lock, which is set a moment after the start and can be removed by hand.
onstart:
    if OCCUPANT:
        raise WorkflowError(f"{FOLDER} is in use by another run ({OCCUPANT})")
    try:
        run_lock.check_writable(FOLDER)
        files.write_text(FOLDER / "config.yaml", CONFIGURATION)
        mark_forced()
        interrupts.listen()
        follow()
    except ReinrelaxError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    if (FOLDER / "report.html").exists():
        print(f"report: {FOLDER / 'report.html'}")
        print("published results of the papers' scale: make paper-report")


onerror:
    if interrupts.received:
        print("interrupted. Run the same command again to resume.")
    else:
        print(
            "some jobs failed; their logs are named above. Run the same command again to resume."
        )
    print(
        f"report of the finished jobs: python -m reinrelax report --config {FOLDER / 'config.yaml'}"
    )
