"""Speed of the replica engine, beside the bound of its own network and beside a plain PyTorch loop.

    python -m benchmarks                                 everything; writes benchmarks/results/<device>.csv
                                                         and benchmarks/microseconds_per_image.csv
    python -m benchmarks --images 1000 --rounds 1        a quick look, which writes nothing
    python -m benchmarks --parts replicas draws --out X  some parts, written below another folder

Needs MNIST under MNIST_ROOT or data/. Nothing else should be running.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch

from benchmarks import table
from benchmarks.bounds import copy_bandwidth
from benchmarks.cases import PARTS, ROOT, parts
from benchmarks.programs import Source
from benchmarks.rounds import alone, jobs, measure_all
from reinrelax.core.provenance import describe
from reinrelax.datasets import data, images
from reinrelax.errors import ReinrelaxError
from reinrelax.experiments.cost.figures import RESULTS
from reinrelax.experiments.record import describe_device

IMAGES, ROUNDS, REPLICAS = 8000, 3, 10
_TEST_IMAGES, _MOST_IMAGES = 100, 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where everything was measured or a folder is named."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not 100 <= options.images <= _MOST_IMAGES or options.rounds < 1 or options.replicas < 1:
        parser.error(f"--images must be 100 to {_MOST_IMAGES:,}, --rounds and --replicas at least 1")
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    wanted = parts(options.replicas, os.cpu_count() or 1)
    wanted = {name: cases for name, cases in wanted.items() if name in (options.parts or PARTS)}
    settings = {name: getattr(options, name) for name in ("images", "rounds", "replicas")}
    complete = not options.parts and settings == {"images": IMAGES, "rounds": ROUNDS, "replicas": REPLICAS}
    facts = describe(describe_device(device))
    print(f"{facts['processor']}, {facts['device']}, torch {facts['torch']}, commit {facts['commit']}")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        root = data.root_of(ROOT / "data")
        everything = data.mnist(root)
        few = replace(
            everything, train=everything.train[: options.images + 1000], test=everything.test[:_TEST_IMAGES]
        )
        images.save(few, Path(folder))
        source = Source(Path(folder), root, options.images, device)
        each = [case for cases in wanted.values() for case in cases]
        found = measure_all(jobs(each, device), source, options.rounds)
        bandwidth = math.nan
        if device == "cuda":
            bandwidth = median(alone(copy_bandwidth, device) for _ in range(options.rounds))
    timings = table.tidy(wanted, found, device, bandwidth)
    print(table.describe(timings))
    wall = time.perf_counter() - started
    record = {
        **facts,
        **settings,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(wall, 1),
        "bytes_per_second": None if math.isnan(bandwidth) else bandwidth,
    }
    print(f"{wall / 60:.1f} minutes")
    out = options.out or (ROOT if complete else None)
    if out is None:
        print("nothing written: parts, or fewer images; --out names a folder for them")
        return
    table.write(timings, out / RESULTS, device, record)
    if device == "cpu" and {"tables", "relaxations"} <= set(wanted):
        table.write_reference(timings, out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="only these")
    parser.add_argument(
        "--images",
        type=int,
        default=IMAGES,
        help="images that a case is timed on in a round, all replicas' together",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is timed")
    parser.add_argument(
        "--replicas", type=int, default=REPLICAS, help="where cost is not measured against them"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: a GPU where there is one")
    parser.add_argument(
        "--out", type=Path, help="a folder in the place of the project's, for what is written"
    )
    return parser


if __name__ == "__main__":
    try:
        main()
    except ReinrelaxError as error:
        sys.exit(f"benchmarks: {error}")
