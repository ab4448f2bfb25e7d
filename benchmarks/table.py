"""Tidy tables of timings, for printing, for the report and for `make plan`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.bounds import BATCH, Products, traffic_bytes
from benchmarks.cases import PARTS, Case
from benchmarks.programs import Timing
from benchmarks.rounds import bounds
from reinrelax.core import files, records
from reinrelax.execution.estimates import REFERENCE
from reinrelax.experiments.cost.figures import COLUMNS, EPOCH

Found = Mapping[Case | Products, Sequence[Timing]]


def tidy(
    parts: Mapping[str, Sequence[Case]], found: Found, device: str, bandwidth: float = math.nan
) -> pd.DataFrame:
    """Return a table with one row per part and case and with `COLUMNS`; medians over rounds.

    Args:
        parts: the cases of each part.
        found: the timings of cases and bounds.
        device: "cpu" or "cuda".
        bandwidth: the device's copy bandwidth in bytes per second; if NaN, there is no bound by
            memory traffic.
    """
    rows = []
    for part, cases in parts.items():
        for case in cases:
            seconds = [EPOCH * timing.seconds for timing in found[case]]
            limits = {
                f"bound_{bound.library.lower()}": median(
                    EPOCH * timing.seconds for timing in found[bound]
                )
                for bound in bounds(case, device)
            }
            if limits and not math.isnan(bandwidth):
                step = traffic_bytes(case.latent, case.replicas) / bandwidth
                limits["bound_traffic"] = step * EPOCH / BATCH / case.replicas
            bound = lowest(limits)
            rows.append(
                {
                    "part": part,
                    **{
                        name: getattr(case, name)
                        for name in ("program", "estimator", "latent", "replicas")
                    },
                    **{"threads": case.threads, "draws": case.draws, "seconds": median(seconds)},
                    **{"seconds_low": min(seconds), "seconds_high": max(seconds)},
                    **limits,
                    "bound": bound,
                    "ratio": median(seconds) / bound,
                    "peak_memory_mb": max(timing.memory_mb for timing in found[case]),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def lowest(limits: Mapping[str, float]) -> float:
    """Return the bound: the faster library's products, or memory traffic if that takes longer."""
    products = [
        seconds
        for name, seconds in limits.items()
        if name != "bound_traffic" and seconds == seconds
    ]
    return max(min(products, default=math.nan), limits.get("bound_traffic", 0.0))


def describe(table: pd.DataFrame) -> str:
    """Format the table as text, by part."""
    lines = [
        f"Seconds per replica and epoch of {EPOCH:,} images, training steps only; median over"
        " rounds"
    ]
    heads = ("BLAS", "oneDNN", "traffic", "seconds", "ratio", "MB")
    for part, rows in table.groupby("part", sort=False):
        lines += ["", f"{part}: {PARTS[str(part)]}"]
        lines.append(
            f"{'':36}{'R':>3} {'threads':>7} {'K':>4}" + "".join(f"{head:>9}" for head in heads)
        )
        for row in rows.to_dict("records"):
            plain = f", {row['program']}" if row["program"] in ("plain", "rounded") else ""
            name = f"{row['estimator']}{plain} {row['latent']}"
            numbers = [
                *(row[f"bound_{kind}"] for kind in ("blas", "onednn", "traffic")),
                *(row["seconds"], row["ratio"]),
            ]
            settings = f"{row['replicas']:3} {row['threads']:7} {row['draws']:4}"
            shown = "".join(f"{'' if math.isnan(x) else f'{x:.2f}':>9}" for x in numbers)
            lines.append(f"{name:36}{settings}{shown}{row['peak_memory_mb']:9.0f}")
    return "\n".join(lines)


def write(table: pd.DataFrame, folder: Path, device: str, record: Mapping[str, Any]) -> None:
    """Write the table and then its record, each atomically.

    Raises:
        ResultsError: a file cannot be written.
    """
    path = folder / f"{device}.csv"
    files.write_text(path, table.to_csv(index=False, lineterminator="\n", float_format="%.5g"))
    records.write(path.with_suffix(".json"), record, beside=[path])


def write_reference(table: pd.DataFrame, root: Path) -> None:
    """Write the part of a table of CPU timings that `make plan` reads, below the folder `root`.

    Raises:
        ResultsError: the file cannot be written.
    """
    rows = table[table["part"].isin(("tables", "relaxations"))]
    micro = (1e6 / EPOCH * rows["seconds"]).round(1)
    columns = [*rows[["estimator", "latent", "draws"]].items(), ("microseconds_per_image", micro)]
    text = pd.DataFrame(dict(columns)).to_csv(index=False, lineterminator="\n")
    files.write_text(root / REFERENCE, text)
