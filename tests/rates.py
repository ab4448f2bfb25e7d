"""How often judging functions err where their claims are just false, or just true: `python -m
tests.rates`.

Only the noise is new from one repetition to the next. The cases are those of `tests/helpers/rate_cases.py`;
the table is `report/rates.csv`, which the report shows and `tests/statistical/test_claim_rates.py`
holds.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from reinrelax.claims import judge
from tests.helpers.rate_cases import CASES, Case

TABLE = Path(__file__).parents[1] / "report/rates.csv"
SEEDS = (3, 5, 10)
REPEATS = 2000


def rate(case: Case, seeds: int, repeats: int, seed: int) -> float:
    """The share of repetitions in which the verdict is the wrong one."""
    generator = np.random.default_rng(seed)
    found = [judge(*case.draw(generator, seeds)).verdict for _ in range(repeats)]
    return found.count(case.wrong) / repeats


def measure(repeats: int = REPEATS, part: slice = slice(None)) -> pd.DataFrame:
    """The rates of all cases, or of a part of them: one row a case and number of seeds."""
    return pd.DataFrame(
        {
            "function": case.function,
            "truth": case.truth,
            "wrong": case.wrong,
            "level": case.level,
            "seeds": seeds,
            "rate": rate(case, seeds, repeats, 1000 * index + seeds),
            "repeats": repeats,
        }
        for index, case in list(enumerate(CASES))[part]
        for seeds in SEEDS
    )


if __name__ == "__main__":
    measure().to_csv(TABLE, index=False, lineterminator="\n")
