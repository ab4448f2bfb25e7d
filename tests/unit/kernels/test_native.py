"""Compiled kernels: the formulas, number by number; any vector width; and torch in their place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from reinrelax.core.rng import Streams
from reinrelax.estimators import conditional
from reinrelax.estimators.gumbel import conditional_softmax_vjp
from reinrelax.kernels import native
from reinrelax.vae.likelihood import bernoulli_nll
from tests.conftest import ROOT

WORDS = NDArray[np.uint32]
STREAMS = 16
STEP = 0x9E3779B97F4A7C15


def splitmix(state: int) -> int:
    """Its output function (Steele et al., 2014), in Python's integers."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


class Exponentials:
    """Exp(1) in units of log 2 from xoshiro128+ (Blackman and Vigna, 2018), sixteen streams
    a row.
    """

    def __init__(self, seed: int, row: int) -> None:
        keys = [seed + 2 * (row * STREAMS + lane) * STEP for lane in range(STREAMS)]
        low = np.array([splitmix(key % 2**64) for key in keys], dtype=np.uint64)
        high = np.array([splitmix((key + STEP) % 2**64) for key in keys], dtype=np.uint64)
        cut = np.uint64(32)
        self.state = [low.astype(np.uint32), (low >> cut).astype(np.uint32), high.astype(np.uint32)]
        self.state.append((high >> cut).astype(np.uint32) | np.uint32(1))

    def __call__(self) -> NDArray[np.float64]:
        a, b, c, d = self.state
        bits, t = a + d, b << np.uint32(9)
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        c = c ^ t
        d = (d << np.uint32(11)) | (d >> np.uint32(21))
        self.state = [a, b, c, d]
        return -np.log2(((bits >> np.uint32(9)) + 0.5) / 2**23)


def by_the_formula(
    g: Tensor, hot: Tensor, probs: Tensor, taus: Tensor, draws: int, seed: int
) -> Tensor:
    """g · mean_k J_τ(Y_k) by B, Eq. 7 as it stands, in float64, for rows `[N, C]` of one
    replica.
    """
    out = torch.zeros(g.shape, dtype=torch.float64)
    for row in range(len(g)):
        noise, winner = Exponentials(seed, row), int(hot[row].argmax())
        for block in range(0, draws, STREAMS):
            lanes = min(STREAMS, draws - block)
            e_winner = noise()[:lanes] * np.log(2)
            y = np.full((lanes, g.shape[1]), -np.inf)
            for j, p in enumerate(probs[row].double().tolist()):
                if j == winner:
                    y[:, j] = -np.log(e_winner)
                elif p > 0:
                    y[:, j] = -np.log(noise()[:lanes] * np.log(2) / p + e_winner)
            s = (torch.tensor(y) / float(taus[row])).softmax(-1)
            slope = g[row].double()
            out[row] += (
                (s * (slope - (s * slope).sum(-1, keepdim=True))).sum(0) / float(taus[row]) / draws
            )
    return out


def problem(categories: int, rows: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """g, D and π, `[rows, C]`."""
    generator = torch.Generator().manual_seed(seed)
    probs = (3 * torch.randn(rows, categories, generator=generator)).softmax(-1)
    index = torch.multinomial(probs, 1, generator=generator)
    g = torch.randn(rows, categories, generator=generator)
    return g, torch.zeros_like(probs).scatter_(-1, index, 1.0), probs


def seed_of(stream: torch.Generator) -> int:
    return int(torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=stream)) % 2**64


@pytest.mark.parametrize("draws", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("categories", [2, 5, 64])
def test_the_kernel_computes_the_formula_from_its_noise(categories: int, draws: int) -> None:
    g, hot, probs = problem(categories, 6, draws)
    probs[0] = torch.where(hot[0] > 0, 1.0, 0.0)  # all others masked
    taus = torch.tensor([1.0, 0.1, 0.7, 1.0, 1.5, 5.0])[:, None]
    assert conditional.kernel(probs, Streams.derive([3], "x")) is not None
    ours = conditional_softmax_vjp(
        g[None], hot[None], probs[None], taus, draws, Streams.derive([3], "x")
    )[0]
    (stream,) = Streams.derive([3], "x").generators
    assert stream is not None
    expected = by_the_formula(g, hot, probs, taus, draws, seed_of(stream))
    torch.testing.assert_close(ours.double(), expected, rtol=2e-5, atol=2e-5)


def test_the_kernels_mean_and_variance_are_those_of_torch() -> None:
    """Over 4,000 estimates of each; z of 32 means, and the ratio of summed variances."""
    g, hot, probs = (x.expand(4000, *x.shape) for x in problem(8, 4, 0))
    taus, streams = torch.full((4000, 1, 1), 0.7), Streams.derive(range(4000), "noise")
    ours = conditional_softmax_vjp(g, hot, probs, taus, 3, streams)
    torchs = conditional_softmax_vjp(
        g.double(), hot.double(), probs.double(), taus.double(), 3, streams
    )
    spread = ((ours.double().var(0) + torchs.var(0)) / 4000).sqrt()
    z = (ours.double().mean(0) - torchs.mean(0)) / spread
    assert z.abs().max() < 4.5
    assert ours.var(0).sum() / torchs.var(0).sum() == pytest.approx(1, abs=0.05)


def test_a_replica_draws_the_same_alone_on_any_number_of_threads() -> None:
    g, hot, probs = (x.view(3, 5, 2, 6) for x in problem(6, 30, 1))
    taus = torch.tensor([0.5, 1.0, 1.3]).view(3, 1, 1, 1)
    together = conditional_softmax_vjp(g, hot, probs, taus, 20, Streams.derive([4, 5, 6], "x"))
    alone = conditional_softmax_vjp(
        g[1:2], hot[1:2], probs[1:2], taus[1:2], 20, Streams.derive([5], "x")
    )
    assert torch.equal(together[1:2], alone)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        shared = conditional_softmax_vjp(g, hot, probs, taus, 20, Streams.derive([4, 5, 6], "x"))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(shared, together)


@pytest.mark.parametrize("width", [1, 7, 16, 100, 784])
def test_likelihood_and_slope_are_torchs(width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    logits = (20 * torch.randn(3, 4, width, generator=generator)).requires_grad_()
    targets = torch.rand(3, 4, width, generator=generator)
    weights = torch.rand(3, 4, generator=generator)
    ours = bernoulli_nll(logits, targets)
    expected = F.binary_cross_entropy_with_logits(
        logits.double(), targets.double(), reduction="none"
    ).sum(-1)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-6, atol=1e-5)
    (slope,) = torch.autograd.grad((ours * weights).sum(), logits)
    (expected_slope,) = torch.autograd.grad((expected * weights).sum(), logits)
    torch.testing.assert_close(slope, expected_slope, rtol=1e-5, atol=1e-6)


def test_a_diverged_logit_makes_the_loss_no_number() -> None:
    logits = torch.zeros(2, 784)
    logits[1, 17] = torch.nan
    assert bernoulli_nll(logits, torch.zeros(2, 784)).isnan().tolist() == [False, True]


CODE = """
import torch
from reinrelax import estimators
from reinrelax.kernels import native
from reinrelax.vae.likelihood import bernoulli_nll
logits = torch.linspace(-3, 3, 1200).view(2, 4, 5, 30).requires_grad_()
out = estimators.get("Gumbel-Rao")(logits, tau=0.6, draws=30, generator=torch.Generator().manual_seed(1))
loss = bernoulli_nll(out.flatten(1) @ torch.linspace(-1, 1, 600 * 50).view(600, 50), torch.full((2, 50), 0.3))
loss.sum().backward()
torch.save((native.loaded(), loss.detach(), logits.grad), "out")
"""


def in_another_process(folder: Path, **environment: str) -> tuple[list[str], Tensor, Tensor, str]:
    """Kernels that were loaded, loss, gradient, and words on standard error."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, loss, gradient = torch.load(folder / "out", weights_only=True)
    return loaded, loss, gradient, done.stderr


def test_numbers_do_not_depend_on_the_width_of_vectors(tmp_path: Path) -> None:
    kernels, loss, gradient, _ = in_another_process(tmp_path / "here")
    assert kernels == ["conditional", "likelihood"]
    for flags in ("-U__AVX512F__", "-U__AVX512F__ -U__AVX2__"):
        _, *others, said = in_another_process(tmp_path / f"w{len(flags)}", CFLAGS=flags)
        assert said == ""
        torch.testing.assert_close(others[0], loss, rtol=1e-5, atol=0)
        # Slopes of up to 25 cancel in it.
        torch.testing.assert_close(others[1], gradient, rtol=0, atol=25 * 1e-6)


def test_without_a_compiler_or_a_cache_torch_does_it_and_says_so(tmp_path: Path) -> None:
    _, loss, gradient, _ = in_another_process(tmp_path / "here")
    (tmp_path / "file").touch()
    for number, changes in enumerate(
        ({"CC": "false"}, {"CC": "no-such-compiler"}, {"XDG_CACHE_HOME": str(tmp_path / "file")})
    ):
        kernels, other, theirs, said = in_another_process(tmp_path / str(number), **changes)
        assert kernels == []
        assert "WARNING: conditional.c cannot be compiled (" in said
        assert "torch computes the same, slower" in said
        torch.testing.assert_close(other, loss)  # the forward pass draws as before
        assert theirs.shape == gradient.shape
        assert theirs.isfinite().all()


def test_a_kernel_is_compiled_once(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    in_another_process(tmp_path / "first", **cache)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache/reinrelax").iterdir()}
    assert sorted(path.name.split("-")[0] for path in made) == ["conditional", "likelihood"]
    in_another_process(tmp_path / "second", **cache)
    # Nor by another clone of the same source.
    shutil.copytree(ROOT / "src", tmp_path / "clone", ignore=shutil.ignore_patterns("__pycache__"))
    in_another_process(tmp_path / "third", PYTHONPATH=str(tmp_path / "clone"), **cache)
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "cache/reinrelax").iterdir()
    } == made


def test_what_others_may_have_written_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, source = tmp_path / "cache/reinrelax", ROOT / "src/reinrelax/estimators/conditional.c"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    cache.mkdir(parents=True)
    cache.chmod(0o777)

    def load() -> bool:
        native.load.cache_clear()
        return native.load(source) is not None

    assert load()
    assert cache.stat().st_mode & 0o777 == 0o755
    (library,) = cache.iterdir()
    planted = library.read_bytes()[:100]
    for mode in (0o720, 0o702):
        library.write_bytes(planted)
        library.chmod(mode)
        assert load()
        assert library.stat().st_size > len(planted)
        assert library.stat().st_mode & 0o777 == 0o700
    # What is old makes room when another is compiled.
    old = cache / "old.so"
    old.touch()
    os.utime(old, (0, 0))
    library.unlink()
    assert load()
    assert list(cache.iterdir()) == [library]


def test_another_users_cache_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: (tmp_path / "reinrelax").stat().st_uid + 1)
    native.load.cache_clear()
    assert native.load(ROOT / "src/reinrelax/estimators/conditional.c") is None
    assert (
        "is another user's; set XDG_CACHE_HOME to a folder of your own" in capsys.readouterr().err
    )
    native.load.cache_clear()
