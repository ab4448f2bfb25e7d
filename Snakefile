# Contents: images -> trained cells -> tables and verdicts -> figures -> report.
# Every rule is one command of `python -m reinrelax`; `snakemake --cores all` runs what is missing.


from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


# The first words of Snakemake's own report, which shows what the rules mark with `captioned`.
report: "report/captions/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/vae.smk"
include: "workflow/rules/gradients.smk"
include: "workflow/rules/relaxations.smk"
include: "workflow/rules/rl.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        FOLDER / "report.html",


# Snakemake's own lock comes a moment after the start, and can be removed by hand.
onstart:
    if OCCUPANT:
        raise WorkflowError(f"{FOLDER} is in use by another run ({OCCUPANT})")
    try:
        guard.check_writable(FOLDER)
    except ReinrelaxError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    if (FOLDER / "report.html").exists():
        print(f"report: {FOLDER / 'report.html'}")


onerror:
    print(
        "some jobs failed; their logs are named above. A rerun continues where they stopped.\n"
        f"A report of what is finished: python -m reinrelax report --config {CONFIG_FILE}"
    )
