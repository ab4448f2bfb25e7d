"""The benchmark's cases: trainings that differ in everything that may affect their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from reinrelax.config import load as configuration
from reinrelax.config.run import Run
from reinrelax.config.specs import Setting
from reinrelax.core.types import parse_shape
from reinrelax.estimators import lookup
from reinrelax.jobs import runs

ROOT = Path(__file__).parents[1]
DRAWS = 100
# Numbers of replicas: in the part that varies them, and of a job of paper A's latent variables.
REPLICAS = (1, 2, 5, 10, 20, 70)
RELAXED_REPLICAS = 3
# One of C, L and K at a time is varied from this latent shape and K = 100.
CENTRE = "16x12"
CATEGORIES, LATENTS, TERMS = (4, 8, 16, 32, 64), (3, 6, 12, 24, 48), (1, 10, 30, 100, 300)
AVERAGED = ("Gumbel-Rao", "ReinMax-Rao", "ReinMax-CV")
PARTS: Mapping[str, str] = {
    "tables": "every estimator of Tables 2 and 3 at every latent shape",
    "replicas": "cost against the number of replicas R",
    "categories": "cost against the number of categories C",
    "latents": "cost against the number of latent variables L",
    "draws": "cost against the number of Monte Carlo draws K",
    "plain": "compared with a plain PyTorch loop that trains one model",
    "rounded": "with products in bfloat16",
    "relaxations": "every kind of latent variables of the relaxed VAEs",
}


@dataclass(frozen=True)
class Case:
    """A training that is timed.

    Attributes:
        estimator: the name of the estimator, or of paper A's latent variables.
        latent: the latent shape, such as `8x4`.
        draws: K; 0 for an estimator without Monte Carlo draws.
        program: `engine` (this package's training), `plain` (a loop as a user would write it),
            `rounded` (the engine with products in bfloat16), or `relaxed` (the engine with paper
            A's latent variables).
    """

    estimator: str
    latent: str
    replicas: int
    threads: int
    draws: int
    program: str = "engine"

    @property
    def runs(self) -> list[Run]:
        """One run per replica, with the paper's settings, or those of `CENTRE` for other shapes."""
        if self.program == "relaxed":
            first = next(
                run for run in _relaxed() if (run.estimator, str(run.shape)) == self._place
            )
        else:
            setting = _setting(*self._place)
            hyper = {**dict(setting.hyper), **({"draws": self.draws} if self.draws else {})}
            first = Run(
                experiment="benchmark",
                dataset="mnist",
                train_images=None,
                test_images=None,
                shape=parse_shape(self.latent),
                estimator=self.estimator,
                hyper=tuple(sorted(hyper.items())),
                optimizer=setting.optimizer,
                learning_rate=setting.learning_rate,
                batch_size=100,
                epochs=1,
                seed=0,
                products="bfloat16" if self.program == "rounded" else "float32",
            )
        return [replace(first, seed=seed) for seed in range(self.replicas)]

    @property
    def _place(self) -> tuple[str, str]:
        return self.estimator, self.latent


def parts(replicas: int, cores: int) -> dict[str, list[Case]]:
    """Return the cases of each part. A case in several parts is measured once.

    Args:
        replicas: R, except in the part that varies it.
        cores: the machine's number of cores. With two or more, the part that varies R is also
            measured with two threads.
    """
    trained = paper().trainings["elbo"]
    both = tuple(range(1, min(2, cores) + 1))

    def averaged(latents: Sequence[str], draws: Sequence[int] = (DRAWS,)) -> list[Case]:
        return [
            Case(name, latent, replicas, 1, terms)
            for latent in latents
            for terms in draws
            for name in AVERAGED
        ]

    categories, latents = CENTRE.split("x")
    return {
        "tables": [
            Case(name, str(shape), replicas, 1, _draws(name))
            for shape in trained.latent_shapes
            for name in trained.estimators
        ],
        "replicas": [
            Case("ReinMax", latent, count, threads, 0)
            for latent in ("8x4", "10x30")
            for threads in both
            for count in REPLICAS
        ],
        "categories": averaged([f"{count}x{latents}" for count in CATEGORIES]),
        "latents": averaged([f"{categories}x{count}" for count in LATENTS]),
        "draws": averaged([CENTRE], TERMS),
        "plain": [
            Case(name, "8x4", count, both[-1], _draws(name), program)
            for name in ("ReinMax", "Gumbel-Rao")
            for program, count in (("plain", 1), ("engine", replicas))
        ],
        "rounded": [
            Case("ReinMax", latent, replicas, 1, 0, program)
            for latent in ("8x4", "10x30")
            for program in ("engine", "rounded")
        ],
        "relaxations": list(
            dict.fromkeys(
                Case(run.estimator, str(run.shape), RELAXED_REPLICAS, 1, 0, "relaxed")
                for run in _relaxed()
            )
        ),
    }


@cache
def paper() -> configuration.Config:
    """Return the configuration with Tables 2 and 3 at the paper's scale."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    raw["experiments"]["elbo"].update(seeds=10, epochs=160, draws=DRAWS)
    return configuration.load(raw, ROOT)


@cache
def _relaxed() -> tuple[Run, ...]:
    """Return the first run of each cell of paper A's VAEs."""
    cells = runs.cells(paper()).values()
    return tuple(cell.first for cell in cells if cell.first.experiment == "relaxations")


def _setting(estimator: str, latent: str) -> Setting:
    settings = paper().trainings["elbo"].settings
    known = (estimator, parse_shape(latent))
    return settings[known if known in settings else (estimator, parse_shape(CENTRE))][0]


def _draws(estimator: str) -> int:
    return DRAWS if "draws" in lookup(estimator).hyperparameters else 0
