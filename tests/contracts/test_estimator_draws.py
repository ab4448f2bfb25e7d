"""Every estimator draws from the softmax of its logits, whatever their dtype, shape and mask."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from reinrelax import estimators
from tests.contracts.test_estimator_inputs import DTYPES
from tests.contracts.test_estimators import NAMES, PATHWISE, hyper_of

# Probabilities and draws.
LAWS = {
    "rare": (torch.tensor([0.6, 0.3, 0.09, 0.009, 0.001]), 200_000),
    "many": (torch.full((250,), 0.004), 10_000),
    "ties": (torch.full((64,), 1 / 64), 20_000),
}


def linear(z: Tensor) -> Tensor:
    """Of codes `[..., C]`: `[...]`."""
    return z[..., 0]


def draws(name: str, theta: Tensor, seed: int = 5) -> Tensor:
    """One-hot samples of logits `[..., C]`, same shape."""
    generator = torch.Generator().manual_seed(seed)
    hyper = hyper_of(name)
    with torch.no_grad():
        if name in PATHWISE:
            one_hot: Tensor = estimators.get(name)(theta, generator=generator, **hyper)  # type: ignore[operator]
        else:
            one_hot = estimators.get(name)(theta, linear, generator=generator, **hyper).one_hot  # type: ignore[operator]
    assert one_hot.dtype == theta.dtype
    return one_hot


def chi_square(counts: Tensor, theta: Tensor) -> float:
    expected = theta.double().softmax(-1) * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_frequencies_in_every_dtype(name: str, dtype: torch.dtype) -> None:
    """All categories by chi-square, false alarm rate 1e-6 a case, and a rare one within 4.5
    standard errors.

    Under autocast as well, where the law is no other.
    """
    for law, (probs, count) in LAWS.items():
        theta = probs.log().to(dtype)
        with torch.autocast("cpu", torch.bfloat16, enabled=law == "ties"):
            counts = draws(name, theta.expand(count, -1)).double().sum(0)
        assert counts.sum() == count
        assert chi_square(counts, theta) < stats.chi2.isf(1e-6, len(theta) - 1)
        rarest = theta.double().softmax(-1)[-1]
        error = (rarest * (1 - rarest) / count).sqrt()
        assert abs(counts[-1] / count - rarest) < 4.5 * error


@pytest.mark.parametrize("law", LAWS)
def test_keys_in_sixteen_bits_would_be_noticed(law: str) -> None:
    probs, count = LAWS[law]
    theta = probs.log().bfloat16()
    u = torch.empty(count, len(theta), dtype=torch.bfloat16)
    u.uniform_(generator=torch.Generator().manual_seed(1))
    keys = theta - (-u.clamp_(2**-9, 1 - 2**-8).log()).log()
    wrong = torch.bincount(keys.argmax(-1), minlength=len(theta)).double()
    assert chi_square(wrong, theta) > stats.chi2.isf(1e-6, len(theta) - 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_masked_categories_are_never_drawn_and_the_rest_sums_to_one(
    name: str, dtype: torch.dtype
) -> None:
    theta = torch.tensor([-torch.inf, 0.5, -torch.inf, -30.0, 0.0]).to(dtype)
    counts = draws(name, theta.expand(20_000, -1)).double().sum(0)
    assert counts[[0, 2]].tolist() == [0, 0]
    assert counts.sum() == 20_000
    share = theta.double()[[1, 4]].softmax(-1)[0]
    assert abs(counts[1] / 20_000 - share) < 4.5 * (share * (1 - share) / 20_000).sqrt()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_of_one_code(name: str, dtype: torch.dtype) -> None:
    """Without a batch."""
    assert draws(name, torch.zeros(5, dtype=dtype)).shape == (5,)
    assert draws(name, torch.zeros(0, 5, dtype=dtype)).shape == (0, 5)
