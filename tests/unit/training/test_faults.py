"""Damage and death at the level of single files: what docs/faults.md promises of them."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from reinrelax.core import files, records
from reinrelax.core.sources import content_hash
from reinrelax.datasets import images as images_on_disk
from reinrelax.datasets.images import Images
from reinrelax.errors import ReinrelaxError, ResultsError
from reinrelax.execution import run_lock
from reinrelax.execution.memory import out_of_memory
from reinrelax.experiments.training import make_trainer
from reinrelax.jobs.runs import cells
from reinrelax.training import checkpoint
from reinrelax.training.checkpoint import read_archive
from tests.conftest import at_scale

FLIPS = 200


def flipped(content: bytes, draw: random.Random) -> bytes:
    """With one random bit changed."""
    out = bytearray(content)
    out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
    return bytes(out)


def test_no_flipped_bit_of_an_archive_is_read_as_other_numbers(tmp_path: Path) -> None:
    path, values = tmp_path / "a.checkpoint", torch.arange(300.0)
    torch.save({"values": values, "epoch": 3}, path)
    whole, draw, seen = path.read_bytes(), random.Random(0), 0
    for _ in range(FLIPS):
        path.write_bytes(flipped(whole, draw))
        try:
            state = read_archive(path)
        except Exception:  # whatever the damage leads to: `restore` starts anew
            seen += 1
            continue
        assert torch.equal(state["values"], values)
        assert state["epoch"] == 3
    assert seen > FLIPS / 4  # the rest fell into padding


def test_every_flipped_bit_of_prepared_images_is_seen(digits: Images, tmp_path: Path) -> None:
    """200 in the header of an array, 200 anywhere, 200 in the record; nothing but the name may
    pass.
    """
    images_on_disk.save(Images("digits", digits.train[:20], digits.test[:20]), tmp_path)
    expected = images_on_disk.load(tmp_path).sha256
    draw, said = random.Random(1), set()
    for name, length in (("train.npy", 128), ("train.npy", None), ("data.json", None)):
        path = tmp_path / name
        whole = path.read_bytes()
        for _ in range(FLIPS):
            path.write_bytes(flipped(whole[:length], draw) + (whole[length:] if length else b""))
            try:
                found = images_on_disk.load(tmp_path)
            except ResultsError as error:
                said.add(str(error).rsplit(". ", 1)[1])
            else:
                assert found.sha256 == expected
        path.write_bytes(whole)
    assert said == {"Delete the folder and rerun"}


def test_every_flipped_bit_of_a_record_or_its_table_is_seen(tmp_path: Path) -> None:
    table, path = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text("run_id,nelbo\na,101.25\n")
    content = {
        "fingerprint": "f",
        "wall_seconds": 1.5,
        "settings": {"tau": (1.0, None)},
        "name": "Grüße",
    }
    records.write(path, content, [table])
    record = records.read(path, ["fingerprint"])
    records.check(table, record)
    draw, said = random.Random(2), set()
    for target in (path, table):
        whole = target.read_bytes()
        for _ in range(FLIPS):
            target.write_bytes(flipped(whole, draw))
            try:
                found = records.read(path, ["fingerprint"])
                records.check(table, found)
            except ResultsError as error:
                said.add(str(error).rsplit(". ", 1)[1])
            else:  # white space, or the key of a checksum
                assert {key: found[key] for key in content} == {key: record[key] for key in content}
                assert target == path
        target.write_bytes(whole)
    assert said == {"Delete it and rerun"}


def test_a_record_from_before_there_were_checksums_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"fingerprint": "f"}')
    record = records.read(tmp_path / "a.json", ["fingerprint"])
    records.check(tmp_path / "a.csv", record)
    with pytest.raises(ResultsError, match="provenance cannot be read"):
        records.read(tmp_path / "a.json", ["wall_seconds"])


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file above 50 kB can be written, as on a disk that is almost full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_what_does_not_fit_is_named_and_the_old_file_stays(tmp_path: Path) -> None:
    """Torch hides the reason behind an error of its own."""
    path = tmp_path / "a.checkpoint"
    files.write_text(path, "old")
    with pytest.raises(
        ResultsError, match=r"a\.checkpoint: cannot be written \(File too large\).*free disk"
    ):
        files.write_bytes(path, bytes(100_000))
    with (
        pytest.raises(ResultsError, match=r"a\.checkpoint: cannot be written \(File too large\)"),
        files.atomic(path) as file,
    ):
        torch.save({"values": torch.zeros(100_000)}, file)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.checkpoint"]


def test_what_a_killed_writer_left_goes_with_the_next_and_a_live_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    code = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from reinrelax.core import files
        with files.atomic(Path({str(path)!r})) as file:
            print("writing", flush=True)
            time.sleep(60)
    """)
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    files.write_text(path, "mine")
    assert len(os.listdir(tmp_path)) == 2
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert len(os.listdir(tmp_path)) == 2
    files.write_text(path, "mine again")
    assert os.listdir(tmp_path) == ["a.csv"]


def acquire_elsewhere(folder: Path, locks: Path) -> str:
    """What another process is told that acquires a folder, and then ends."""
    code = "from pathlib import Path; from reinrelax.execution import run_lock; "
    code += f"print(run_lock.acquire(Path({str(folder)!r}), "
    code += f"Path({str(locks)!r})), end='')"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_a_dead_runs_lock_is_removed_and_a_live_ones_never(tmp_path: Path) -> None:
    folder, locks = tmp_path / "results/quick", tmp_path / "locks"
    locks.mkdir()

    def lock() -> list[Path]:
        (locks / "0.output.lock").write_text(f"{folder}/elbo/a.csv\n{folder}/report.html\n")
        (locks / "1.output.lock").write_text(f"{tmp_path}/results/paper/elbo/a.csv\n")
        return sorted(locks.iterdir())

    both = lock()
    assert acquire_elsewhere(folder, locks) == ""  # whose lock this is, nobody knows: it stays
    assert sorted(locks.iterdir()) == both
    both[0].unlink()
    assert acquire_elsewhere(folder, locks) == ""
    both = lock()
    assert acquire_elsewhere(folder, locks) == ""  # one of this machine that is dead
    assert sorted(locks.iterdir()) == both[1:]
    both = lock()
    owner = folder / ".running"
    owner.write_text(json.dumps({**json.loads(owner.read_text()), "host": "another machine"}))
    assert acquire_elsewhere(folder, locks) == ""
    assert sorted(locks.iterdir()) == both
    both[0].unlink()
    assert run_lock.acquire(folder, locks) == ""
    both = lock()
    assert f"process {os.getpid()} on " in acquire_elsewhere(folder, locks)
    assert sorted(locks.iterdir()) == both
    assert f"process {os.getpid()} on " in run_lock.occupant(folder)


def test_looking_on_changes_nothing(tmp_path: Path) -> None:
    folder, locks = tmp_path / "quick", tmp_path / "locks"
    assert run_lock.occupant(folder) == ""
    assert not folder.exists()
    assert acquire_elsewhere(folder, locks) == ""
    before = (folder / ".running").read_bytes(), (folder / ".running").stat().st_mtime_ns
    assert run_lock.occupant(folder) == ""
    assert before == ((folder / ".running").read_bytes(), (folder / ".running").stat().st_mtime_ns)
    assert acquire_elsewhere(folder, locks) == ""


def test_a_folder_that_cannot_be_written_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run_lock.acquire(tmp_path / "file/results", tmp_path) == ""
    for check in (run_lock.check_folder, run_lock.check_writable):
        with pytest.raises(
            ResultsError, match=r"file: cannot be written \(it is a file\)\. Make the folder"
        ):
            check(tmp_path / "file/results")
    assert run_lock.check_folder(tmp_path / "new/results") == tmp_path


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_a_want_of_memory_names_the_job_and_what_helps(error: Exception) -> None:
    with (
        pytest.raises(ReinrelaxError, match=r"elbo/8x4/ST: out of memory .*max_replicas_per_job"),
        out_of_memory("elbo/8x4/ST"),
    ):
        raise error
    with pytest.raises(RuntimeError, match="shapes"), out_of_memory("elbo/8x4/ST"):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("t"),
        lambda state: state["first"].pop(),
        lambda state: state.update(dead=3),
    ],
)
def test_a_checkpoint_that_lacks_something_changes_nothing(
    spoil: Callable[[dict[str, Any]], object],
    digits: Images,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = cells(at_scale("test"))["elbo/8x4/ST"]
    path = tmp_path / "a.checkpoint"
    trained = make_trainer(cell.runs, digits, "cpu")
    trained.run_epoch()
    checkpoint.save(path, trained, "f")
    state = read_archive(path)
    spoil(state)
    torch.save(state, path)
    trainer = make_trainer(cell.runs, digits, "cpu")
    before = [weights.clone() for weights in trainer.objective.parameters]
    assert not checkpoint.restore(path, trainer, "f")
    assert "is damaged; training starts anew" in capsys.readouterr().err
    assert all(map(torch.equal, before, trainer.objective.parameters))


def test_a_path_that_is_not_there_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    assert content_hash(["there"], tmp_path)
    with pytest.raises(
        ResultsError, match=r"nowhere: missing, and results depend on it. Restore it"
    ):
        content_hash(["there", "nowhere"], tmp_path)
