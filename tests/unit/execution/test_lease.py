"""Places on GPUs: which there are, that no more jobs than allowed share one, and that the dead hold
none.
"""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from reinrelax.config.load import Config
from reinrelax.errors import ConfigError, ResultsError
from reinrelax.execution import gpu_lease
from reinrelax.execution.device import device
from reinrelax.jobs.studies import studies
from tests.conftest import DEADLINE, at_scale

ONE, TWO = "GPU-11111111-aaaa", "GPU-22222222-bbbb"
MIG = "MIG-33333333-cccc"
OLD_MIG = "MIG-GPU-11111111-aaaa/1/0"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an `nvidia-smi` on the path that does this."""

    def fake(does: str) -> None:
        path = tmp_path / "bin/nvidia-smi"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return fake


ones = torch.ones


def on_the_cpu(*size: int, **options: Any) -> torch.Tensor:
    """A stand-in for what is made on a GPU."""
    return ones(*size, **{**options, "device": "cpu"})


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (None, [ONE, TWO]),
        ("0", [ONE]),
        ("1, 0", [TWO, ONE]),
        (TWO, [TWO]),
        ("GPU-2", [TWO]),  # the beginning of a UUID is enough
        (f"0,{ONE},GPU-1111", [ONE]),  # one GPU by three names
        (MIG, [MIG]),
        (f"{OLD_MIG},{MIG}", [OLD_MIG, MIG]),
        ("GPU-99", ["GPU-99"]),  # it may be there although the driver does not list it
        ("", []),
        (" ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("1,-1,0", [TWO]),  # CUDA stops at what it does not know
        ("0,7,1", [ONE]),
        ("0,,1", [ONE]),
        ("0;touch x", []),
        ("../0", []),
        ("9" * 5000, []),
        ("١", []),
    ],
)
def test_devices_are_those_that_cuda_would_use(
    driver: Callable[[str], None], named: str | None, found: list[str]
) -> None:
    driver(f"printf '{ONE}\\n{TWO}\\n'")
    assert (
        gpu_lease.visible_devices({} if named is None else {"CUDA_VISIBLE_DEVICES": named}) == found
    )


@pytest.mark.parametrize(
    "does", ["exit 9", "echo No devices were found", "true", "echo oops >&2; exit 1", "sleep 9"]
)
def test_names_count_where_the_driver_says_nothing(
    driver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    driver(does)
    monkeypatch.setattr(gpu_lease, "_DRIVER_SECONDS", 1)
    assert gpu_lease.visible_devices({}) == []
    assert gpu_lease.visible_devices({"CUDA_VISIBLE_DEVICES": f"0, GPU-aa,{MIG},2"}) == [
        "0",
        "GPU-aa",
        MIG,
        "2",
    ]


def test_without_a_driver_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_lease.visible_devices({}) == []
    assert gpu_lease.visible_devices({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}) == []


def test_a_job_gets_its_place_and_no_other_gpu(
    driver: Callable[[str], None],
    load_config: Callable[..., Config],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver(f"printf '{ONE}\\n{TWO}\\n'")
    monkeypatch.setattr(gpu_lease.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(torch, "ones", on_the_cpu)
    config = load_config(machine={"device": "auto"})
    with gpu_lease.lease([ONE], 1), device(config.machine) as where:
        assert where == "cuda"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == TWO
    # What computes on none takes no place: both are taken.
    with (
        gpu_lease.lease([ONE], 1),
        gpu_lease.lease([TWO], 1),
        device(config.machine, on_gpu=False) as where,
    ):
        assert where == "cpu"
    assert (tmp_path / "reinrelax-leases").stat().st_mode & 0o7777 == 0o1777
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "NoDevFiles")
    with device(config.machine) as where:
        assert where == "cpu"
    with (
        pytest.raises(ConfigError, match="cuda was requested"),
        device(load_config(machine={"device": "cuda"}).machine),
    ):
        pass


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "CUDA error: no kernel image is available for execution on the device\nCompile with"
        ),
        RuntimeError("The NVIDIA driver on your system is too old (found version 11040)."),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB."),
        AssertionError("Torch not compiled with CUDA enabled"),
        None,  # it computes, and wrongly
    ],
)
def test_a_gpu_that_is_shown_and_cannot_compute_is_not_believed(
    error: Exception | None,
    driver: Callable[[str], None],
    load_config: Callable[..., Config],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*size: int, **options: Any) -> torch.Tensor:
        assert options["device"] == "cuda"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ONE
        if error:
            raise error
        return on_the_cpu(*size, **options) * 2

    driver(f"printf '{ONE}\\n'")
    monkeypatch.setattr(gpu_lease.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(torch, "ones", fails)
    says = str(error).split("\n")[0] if error else "a sum that is 512 came out as 2048"
    with device(load_config(machine={"device": "auto"}).machine) as where:
        assert where == "cpu"
        with gpu_lease.lease([ONE], 1, timeout=0):  # its place is another's
            pass
    assert (
        f"WARNING: {ONE} cannot compute ({says}); computing on the CPU" in capsys.readouterr().err
    )
    with device(load_config(machine={"device": "cpu"}).machine) as where:  # as the warning says
        assert where == "cpu"
    assert capsys.readouterr().err == ""
    asked = load_config(machine={"device": "cuda"}).machine
    with (
        pytest.raises(
            ConfigError, match=r"^machine\.device: cuda was requested, but .*; set cpu or auto$"
        ) as caught,
        device(asked),
    ):
        pass
    assert f"{ONE} cannot compute ({says})" in str(caught.value)
    with device(asked, on_gpu=False) as where:
        assert where == "cpu"


def test_devices_are_filled_before_any_is_doubled_and_then_jobs_wait(tmp_path: Path) -> None:
    devices = ["0", OLD_MIG]
    with (
        gpu_lease.lease(devices, 2, tmp_path) as a,
        gpu_lease.lease(devices, 2, tmp_path) as b,
        gpu_lease.lease(devices, 2, tmp_path) as c,
        gpu_lease.lease(devices, 2, tmp_path) as d,
    ):
        assert ([a, b], sorted([c, d])) == (devices, devices)
        with (
            pytest.raises(TimeoutError, match="no free slot on GPUs 0, MIG-GPU-"),
            gpu_lease.lease(devices, 2, tmp_path, timeout=0.1),
        ):
            pass
    with gpu_lease.lease(devices, 2, tmp_path) as free:
        assert free == "0"
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))


def test_an_error_frees_the_place(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="job"), gpu_lease.lease(["0"], 1, tmp_path):
        raise RuntimeError("job failed")
    with gpu_lease.lease(["0"], 1, tmp_path, timeout=0) as free:
        assert free == "0"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ResultsError, match=r"file/x: locks .* Set TMPDIR"),
        gpu_lease.lease(["0"], 1, tmp_path / "file/x"),
    ):
        pass


HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from reinrelax.execution import gpu_lease
    gpu_lease._POLL_SECONDS = 0.01
    folder, devices = Path(sys.argv[1]), sys.argv[2].split()
    places, seconds = int(sys.argv[3]), float(sys.argv[4])
    with gpu_lease.lease(devices, places, folder, timeout=float(sys.argv[5])) as device:
        since = time.monotonic()
        print(device, flush=True)
        time.sleep(seconds)
        until = time.monotonic()
    print(f"[{since}, {until}]")
""")


def holder(folder: Path, devices: str, places: int, seconds: float) -> subprocess.Popen[str]:
    arguments = [str(folder), devices, str(places), str(seconds), str(DEADLINE)]
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments], stdout=subprocess.PIPE, text=True
    )


def line(job: subprocess.Popen[str]) -> str:
    assert job.stdout is not None
    return job.stdout.readline().strip()


@pytest.fixture
def jobs() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of a test, ended with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for job in started:
        job.kill()
        job.communicate()


@pytest.mark.parametrize("places", [1, 2])
def test_of_many_jobs_never_too_many_share_a_gpu_and_all_get_one(
    tmp_path: Path, jobs: list[subprocess.Popen[str]], places: int
) -> None:
    jobs += [holder(tmp_path, "a b", places, 0.2) for _ in range(12)]
    held: dict[str, list[tuple[float, float]]] = {"a": [], "b": []}
    for job in jobs:
        device, times = line(job), json.loads(line(job))
        assert job.wait() == 0
        held[device].append(tuple(times))
    assert sum(map(len, held.values())) == len(jobs)
    for spans in held.values():
        events = sorted([(since, 1) for since, _ in spans] + [(until, -1) for _, until in spans])
        together = most = 0
        for _, change in events:
            together += change
            most = max(most, together)
        assert most <= places
    # They waited for each other: together they cannot have been faster than this.
    spans = [span for own in held.values() for span in own]
    first, last = min(since for since, _ in spans), max(until for _, until in spans)
    assert last - first >= 12 * 0.2 / (2 * places) - 0.01
    assert all(held.values())


def test_the_places_of_killed_jobs_go_to_those_that_wait(
    tmp_path: Path, jobs: list[subprocess.Popen[str]]
) -> None:
    jobs += [holder(tmp_path, "a b", 2, 600) for _ in range(4)]
    held = [line(job) for job in jobs]
    assert Counter(held) == {"a": 2, "b": 2}
    with pytest.raises(TimeoutError), gpu_lease.lease(["a", "b"], 2, tmp_path, timeout=0.1):
        pass
    waiting = [holder(tmp_path, "a b", 2, 600) for _ in range(2)]
    jobs += waiting
    dead = [held.index("b"), held.index("a")]
    for index in dead:
        jobs[index].kill()
        assert jobs[index].wait() == -9
    assert sorted(line(job) for job in waiting) == ["a", "b"]
    with pytest.raises(TimeoutError), gpu_lease.lease(["a", "b"], 2, tmp_path, timeout=0.1):
        pass


def test_what_computes_on_a_gpu_is_what_is_given_a_device() -> None:
    """All else would hold a GPU that it has no use for."""
    config = at_scale("paper")
    found = {study.experiment for study in studies(config).values() if study.on_gpu}
    assert found == {"gradients", "gradients-run", "cost"}
    assert sum(not study.on_gpu for study in studies(config).values()) == 42
