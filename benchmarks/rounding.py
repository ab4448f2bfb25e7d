"""What rounding the layers' products to bfloat16 does to the ELBO: the same seeds trained with either.

    python -m benchmarks.rounding                       ReinMax on 8x4, ten seeds and epochs on all of MNIST
    python -m benchmarks.rounding --seeds 3 --epochs 1  a quick look, which writes nothing

Needs MNIST under MNIST_ROOT or data/. Writes benchmarks/results/rounding.csv.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from benchmarks.cases import ROOT, Case
from reinrelax.core import files, records, stats
from reinrelax.core.provenance import describe
from reinrelax.datasets import data
from reinrelax.datasets.images import Images
from reinrelax.experiments.cost.figures import RESULTS
from reinrelax.experiments.discrete_vae import measure as vae
from reinrelax.experiments.record import describe_device
from reinrelax.training.process import prepare_process

SEEDS, EPOCHS = 10, 10
PRODUCTS = ("float32", "bfloat16")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print the differences, and write the table where all was trained."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rounding",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trained with either, at least 2")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of all training images")
    options = parser.parse_args(arguments)
    if options.seeds < 2 or options.epochs < 1:
        parser.error("--seeds must be at least 2, --epochs at least 1")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = data.mnist(data.root_of(ROOT / "data"))
    table = pd.DataFrame(trained(images, options.seeds, options.epochs, device))
    for line in differences(table):
        print(line)
    if (options.seeds, options.epochs) == (SEEDS, EPOCHS):
        path = ROOT / RESULTS / "rounding.csv"
        files.write_text(path, table.to_csv(index=False, lineterminator="\n"))
        records.write(path.with_suffix(".json"), describe(describe_device(device)), [path])


def trained(images: Images, seeds: int, epochs: int, device: str) -> Iterator[dict[str, Any]]:
    """Rows: final negative ELBO of each seed with either products, nats per image."""
    prepare_process()
    for products in PRODUCTS:
        case = Case("ReinMax", "8x4", seeds, torch.get_num_threads(), 0)
        runs = [replace(run, products=products, epochs=epochs) for run in case.runs]
        trainer = vae.make_trainer(runs, images, device)
        for _ in range(epochs):
            trainer.run_epoch()
        final = {name: values[-1] for name, values in trainer.history.metrics.items()}
        for seed in range(seeds):
            yield {
                **{"estimator": case.estimator, "latent": case.latent, "epochs": epochs},
                **{"products": products, "seed": seed},
                **{
                    f"{part}_nelbo_nats": float(
                        final[f"{part}_reconstruction"][seed] + final[f"{part}_kl"][seed]
                    )
                    for part in ("train", "test")
                },
            }


def differences(table: pd.DataFrame) -> Iterator[str]:
    """In words, of training and of test images: bfloat16 less float32, seed by seed, and how seeds spread."""
    for part in ("train", "test"):
        wide = table.pivot_table(index="seed", columns="products", values=f"{part}_nelbo_nats")
        exact, rounded = wide["float32"], wide["bfloat16"]
        found = stats.mean_interval(rounded - exact)
        yield (
            f"{part}: {exact.mean():.2f} nats, bfloat16 {found.estimate:+.3f} "
            f"[{found.low:+.3f}, {found.high:+.3f}]; standard deviation over seeds {exact.std():.3f}"
        )


if __name__ == "__main__":
    main()
