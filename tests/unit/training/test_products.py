"""The library of matrix products is chosen by its accuracy and its speed."""

import itertools
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from reinrelax.training import products

Times = Callable[..., None]


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    before = torch.backends.mkldnn.matmul.fp32_precision
    products.prefer_onednn.cache_clear()
    yield
    products.prefer_onednn.cache_clear()
    torch.backends.mkldnn.matmul.fp32_precision = before


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    """Let trials take so many seconds in float32, with BLAS and oneDNN, and in 16 bits."""

    def take(blas: float, onednn: float, rounded: float = 1.0) -> None:
        settings, disturbed = torch.backends.mkldnn.matmul, itertools.cycle((1.0, 7.0, 1.3))

        def seconds(dtype: torch.dtype) -> float:
            library = onednn if settings.fp32_precision == "bf16" else blas
            return next(disturbed) * (library if dtype == torch.float32 else rounded)

        monkeypatch.setattr(products, "_seconds", seconds)

    return take


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize(
    ("blas", "onednn", "exact", "chosen"),
    [(2, 1, True, True), (2, 1, False, False), (1.4, 1, True, False), (1, 2, True, False)],
)
def test_onednn_is_used_if_it_is_exact_and_clearly_faster(
    monkeypatch: pytest.MonkeyPatch,
    times: Times,
    blas: float,
    onednn: float,
    exact: bool,
    chosen: bool,
) -> None:
    times(blas, onednn)
    monkeypatch.setattr(products, "_is_float32", lambda: exact)
    assert products.prefer_onednn() is chosen
    assert torch.backends.mkldnn.matmul.fp32_precision == ("bf16" if chosen else "ieee")


def test_products_of_rounded_factors_are_not_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    assert products._is_float32()
    exact = torch.bmm

    def rounded(a: Tensor, b: Tensor) -> Tensor:
        if a.dtype == torch.float32:
            a, b = a.bfloat16().float(), b.bfloat16().float()
        return exact(a, b)

    monkeypatch.setattr(torch, "bmm", rounded)
    assert not products._is_float32()


def test_the_trial_has_the_layouts_of_the_three_products_of_a_layer() -> None:
    for a, b in products._layouts(2, 5, 3, 4):
        assert torch.bmm(a, b).shape in {(2, 5, 4), (2, 5, 3), (2, 3, 4)}
    assert products._seconds(torch.float32) > 0


def test_a_slow_16_bit_type_is_warned_of(times: Times, capsys: pytest.CaptureFixture[str]) -> None:
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    times(2.0, 1.0, rounded=3.0)
    products.warn_if_slow(torch.bfloat16)
    said = capsys.readouterr().err
    assert said.startswith("WARNING: products: bfloat16 takes 1.5 times as long as float32")
    assert "set products: float32" in said
    times(2.0, 1.0, rounded=1.0)
    products.warn_if_slow(torch.bfloat16)
    products.warn_if_slow(torch.float32)
    assert not capsys.readouterr().err
