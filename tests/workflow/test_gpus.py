"""GPUs as a resource: the scheduler packs jobs onto those that a fake driver shows."""

from pathlib import Path

import pytest

from tests.workflow.planted import SCALE, start, whole

pytestmark = pytest.mark.slow

ON_GPU = ("elbo/", "relaxations/")
# Says in $SEEN when a job begins and ends, and takes its time.
_PROGRAM = """
source "$READY/program"
eval "$(declare -f python3 | sed '1s/python3/ready/')"
python3() {
  local job
  job=$(sed -nE 's/.*--job ([^ ]+).*/\\1/p' <<< "$*")
  echo "begins $job" >> "$SEEN"
  sleep 0.5
  ready "$@" || return
  echo "ends $job" >> "$SEEN"
}
"""


@pytest.mark.parametrize(("gpus", "per_gpu"), [(1, 1), (2, 1), (2, 2), (8, 1)])
def test_jobs_for_a_gpu_wait_for_a_place_without_a_core(
    project: Path, gpus: int, per_gpu: int
) -> None:
    seen = run(project, gpus, f"machine={{device: auto, jobs_per_gpu: {per_gpu}}}")
    busy, most = set[str](), 0
    for what, job in seen:
        busy = busy | {job} if what == "begins" else busy - {job}
        most = max(most, sum(name.startswith(ON_GPU) for name in busy))
    trained = [job for what, job in seen if what == "begins" and job.startswith(ON_GPU)]
    assert len(trained) >= 8
    assert most == min(gpus * per_gpu, len(trained))
    # What needs none does not wait for those that do.
    if gpus == 1:
        last = seen.index(("begins", trained[-1]))
        assert {("ends", name) for name in ("identities", "copula", "bridge")} <= set(seen[:last])


def test_a_number_that_is_given_counts(project: Path) -> None:
    seen = run(project, 8, "machine={device: auto}", "--resources", "gpu=1")
    own = [(what, job) for what, job in seen if job.startswith(ON_GPU)]
    assert [what for what, _ in own] == ["begins", "ends"] * (len(own) // 2)


def run(project: Path, gpus: int, machine: str, *more: str) -> list[tuple[str, str]]:
    """What began and ended, in order, when trainings and demonstrations are computed anew with 64
    cores.
    """
    folder = project / "bin"
    folder.mkdir()
    driver = folder / "nvidia-smi"
    names = "".join(f"GPU-{number}\\n" for number in range(gpus))
    driver.write_text(f"#!/bin/sh\nprintf '{names}'\n", encoding="utf-8")
    driver.chmod(0o755)
    (folder / "program").write_text(_PROGRAM, encoding="utf-8")
    results = project / "results/test"
    for name in ("elbo", "relaxations", "identities", "copula", "bridge"):
        for path in (results / name).rglob("*.*"):
            path.unlink()
    done = start(
        project,
        *(*SCALE, "--cores", "64", "--config", machine, *more),
        BASH_ENV=str(folder / "program"),
        SEEN=str(folder / "seen"),
        PATH=f"{folder}:/usr/bin:/bin",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert whole(project)
    lines = (folder / "seen").read_text(encoding="utf-8").splitlines()
    return [(what, job) for what, _, job in (line.partition(" ") for line in lines)]
