# Contents: images -> trained cells -> tables and verdicts -> figures -> report.
# Every rule is one command of `python -m reinrelax`; `snakemake --cores all` runs what is missing.


from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

_THIS = Path(workflow.snakefile).absolute()
# Whether another workflow uses this one; and this one's folder, whichever the working directory is.
IS_MODULE = Path(workflow.main_snakefile).absolute() != _THIS
PROJECT = _THIS.parent


configfile: str(PROJECT / "config.yaml")


# The first words of Snakemake's own report, which shows what the rules mark with `captioned`.
report: "report/captions/workflow.rst"


include: "workflow/rules/common.smk"


# Of those rules that come after it; used where a profile or `--software-deployment-method apptainer` says so.
if SETTINGS.machine.container:

    container: SETTINGS.machine.container


include: "workflow/rules/data.smk"
include: "workflow/rules/vae.smk"
include: "workflow/rules/gradients.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/relaxations.smk"
include: "workflow/rules/rl.smk"
include: "workflow/rules/report.smk"


# Snakemake makes what is absent only where something asks for it: whatever a run leaves is asked for here, so that a
# job that failed when it was run again, or whose files were deleted, is done.
rule all:
    default_target: True
    input:
        rules.data.output,
        files_of(JOBS),
        rules.judge.output,
        rules.draw.output,
        rules.export.output,
        rules.render.output,


# Snakemake's own lock comes a moment after the start, and can be removed by hand.
onstart:
    if OCCUPANT:
        raise WorkflowError(f"{FOLDER} is in use by another run ({OCCUPANT})")
    try:
        guard.check_writable(FOLDER)
        files.write_text(FOLDER / "config.yaml", CONFIGURATION)
        mark_forced()
        interrupts.listen()
    except ReinrelaxError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    if (FOLDER / "report.html").exists():
        print(f"report: {FOLDER / 'report.html'}")
        print("what is published, at the papers' scale: make paper-report")


onerror:
    if interrupts.received:
        print("interrupted. A rerun continues where it stopped.")
    else:
        print(
            "some jobs failed; their logs are named above. A rerun continues where they stopped."
        )
    print(
        f"A report of what is finished: python -m reinrelax report --config {FOLDER / 'config.yaml'}"
    )
