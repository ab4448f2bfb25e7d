"""What GPUs compute, held to torch on a CPU: kernels in Triton's interpreter, steps on tensors
without data, graphs in a stand-in for CUDA's; and compiled for GPUs that are not there.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from reinrelax.config.load import Config
from reinrelax.core.rng import CountedStreams, Streams
from reinrelax.datasets.images import Images
from reinrelax.distributions import base
from reinrelax.estimators import conditional, gumbel
from reinrelax.execution.device import device
from reinrelax.experiments import record
from reinrelax.experiments.discrete_vae import measure as vae
from reinrelax.experiments.relaxed_vae import measure as relaxations
from reinrelax.jobs.runs import cells
from reinrelax.kernels.gpu import graph, support
from reinrelax.training import batches, checkpoint
from reinrelax.training.optimizer import GraphOptimizer, ReplicaOptimizer
from tests.conftest import DEADLINE
from tests.unit.training.test_engine import RUN


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels compute on the CPU."""
    monkeypatch.setattr(support, "INTERPRETED", True)


# --- the default


def test_torch_computes_on_a_gpu_unless_compiled_kernels_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, load_config: Callable[..., Config]
) -> None:
    monkeypatch.setattr(support, "ASKED", False)
    monkeypatch.setattr(support, "_works", lambda device: True)
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    for kernels, serves in (
        ({}, False),
        ({"kernels": "torch"}, False),
        ({"kernels": "compiled"}, True),
    ):
        with device(load_config(machine={"device": "cpu", **kernels}).machine):
            assert support.serves(gpu) == serves
            assert not support.serves(cpu)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A GPU")
    assert record.describe_device("cuda") == "A GPU, compiled kernels"
    monkeypatch.setattr(support, "ASKED", False)
    assert record.describe_device("cuda") == "A GPU"


# --- noise


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_is_uniform_and_of_each_replicas_own_stream(
    interpreted: None, dtype: torch.dtype
) -> None:
    """30,001 numbers of three streams, of several calls and blocks; none twice in float64."""
    streams = Streams.derive([1, 2, 3], "x", device="cpu")
    assert isinstance(streams, CountedStreams)
    calls = [streams.uniform_(torch.empty(3, n, dtype=dtype)) for n in (30_001, 5, 1)]
    assert streams.counters.tolist() == [3, 3, 3]
    for numbers in calls[0]:
        assert 0 < numbers.min() < numbers.max() < 1
        assert stats.kstest(numbers.double().numpy(), "uniform").pvalue > 1e-4
        assert abs(torch.corrcoef(torch.stack([numbers[1:], numbers[:-1]]))[0, 1]) < 0.03
    if dtype == torch.float64:
        assert len(torch.cat([call.flatten() for call in calls]).unique()) == 3 * 30_007
    alone = Streams.derive([2], "x", device="cpu")
    for call in calls:
        assert torch.equal(alone.uniform_(torch.empty(1, call.shape[1], dtype=dtype))[0], call[1])


def test_noise_of_other_laws_and_layouts(interpreted: None) -> None:
    streams = Streams.derive([7], "x", device="cpu")
    exponential, normal = torch.empty(1, 20_000), torch.empty(1, 20_000)
    assert stats.kstest(streams.exponential_(exponential)[0].numpy(), "expon").pvalue > 1e-4
    assert stats.kstest(streams.normal_(normal)[0].numpy(), "norm").pvalue > 1e-4
    strided = streams.uniform_(torch.zeros(1, 500, 4).mT)
    assert (strided > 0).all()
    assert sorted(streams.permutations(50)[0].tolist()) == [*range(50)]


def test_a_split_stream_goes_on_where_it_was_split(interpreted: None) -> None:
    streams = Streams.derive([1, 2], "x", device="cpu")
    out = torch.empty(2, 10)
    for part, stream in streams.split(out):
        stream.uniform_(part[None])
    assert streams.counters.tolist() == [1, 1]
    assert torch.equal(Streams.derive([1, 2], "x", device="cpu").uniform_(torch.empty(2, 10)), out)


# --- Gumbel-Rao


@pytest.mark.slow
@pytest.mark.parametrize(("categories", "draws"), [(2, 1), (5, 100), (64, 17)])
def test_monte_carlo_has_the_mean_and_variance_of_torchs(
    interpreted: None, categories: int, draws: int
) -> None:
    """60 estimates a row and temperature: z of the means, and the ratio of the summed variances."""
    generator = torch.Generator().manual_seed(categories)
    probs = (2 * torch.randn(3, categories, generator=generator)).softmax(-1)
    probs[0, 0], probs[0, 1:] = 0.0, probs[0, 1:] / probs[0, 1:].sum()  # a masked category
    index = torch.multinomial(probs, 1, generator=generator)
    hot = torch.zeros_like(probs).scatter_(-1, index, 1.0)
    g, taus = (
        torch.randn(3, categories, generator=generator),
        torch.tensor([1.0, 0.5, 1.5])[:, None],
    )
    many = [x.expand(2, 30, 3, -1).contiguous() for x in (g, hot, probs, taus)]
    streams = Streams.derive([4, 5], "noise", device="cpu")
    kernel = conditional.kernel(probs, streams)
    assert kernel is conditional._on_gpu
    ours = kernel(*many, draws, streams).double()
    theirs = gumbel.conditional_softmax_vjp(
        *(x.double() for x in many),
        draws,
        Streams([torch.Generator().manual_seed(s) for s in (8, 9)]),
    )
    assert ours.shape == theirs.shape
    assert not torch.equal(ours[0], ours[1])
    spread = ((ours.var((0, 1)) + theirs.var((0, 1))) / 60).sqrt()
    z = ((ours - theirs).mean((0, 1)) / spread.clamp(min=1e-6)).abs()
    assert z.max() < 4.5
    ratio = ours.var((0, 1)).sum() / theirs.var((0, 1)).sum()
    assert 0.5 < ratio < 2


# --- the optimizer


@pytest.mark.parametrize("optimizer", ["Adam", "RAdam"])
def test_optimizer_equals_torchs_kernel(interpreted: None, optimizer: str) -> None:
    """60 steps in epochs of 20, gradients of 1e-6 to 1e2, one replica dead from the 30th on."""
    torch.manual_seed(0)
    start, rates = torch.randn(3, 1500), [1e-3, 5e-4, 1e-2]
    values, grads, dead = [start.clone(), start.clone()], torch.zeros_like(start), torch.zeros(3)
    made = ReplicaOptimizer.on(torch.device("cpu"), [values[0]], [grads], [optimizer] * 3, rates)
    torchs = ReplicaOptimizer([values[1]], [grads], [optimizer] * 3, rates)
    assert isinstance(made, GraphOptimizer)
    for step in range(60):
        if step % 20 == 0:
            made.begin_epoch(20)
        if step == 30:
            dead[1] = 1
            grads[1] = torch.nan
            frozen = values[0][1].clone()
        grads[dead == 0] = (torch.randn(3, 1500) * torch.logspace(-6, 2, 1500))[dead == 0]
        for one in (made, torchs):
            one.step(dead)
        torch.testing.assert_close(*values, rtol=1e-5, atol=1e-6, msg=f"step {step + 1}")
    assert made.t == torchs.t == 60
    assert torch.equal(values[0][1], frozen)


# --- trainings


@pytest.fixture
def few(digits: Images) -> Images:
    return replace(digits, train=digits.train[:25], test=digits.test[:10])


@pytest.mark.slow
def test_a_training_goes_on_from_a_checkpoint_and_alone(
    interpreted: None, few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas, two epochs; the second epoch again from a checkpoint; the second replica again,
    alone.
    """
    few = replace(few, train=few.train[:15])
    base = replace(RUN, estimator="ReinMax-Rao", hyper=(("tau", 0.9), ("draws", 2)), batch_size=10)
    base = replace(base, hidden=(16, 8))  # the interpreter takes its time
    runs = [base, replace(base, seed=1, optimizer="RAdam")]
    trainer = vae.make_trainer(runs, few, "cpu")
    trainer.run_epoch()
    checkpoint.save(tmp_path / "c", trainer, "same")
    trainer.run_epoch()
    resumed = vae.make_trainer(runs, few, "cpu")
    assert checkpoint.restore(tmp_path / "c", resumed, "same")
    resumed.run_epoch()
    alone = vae.make_trainer(runs[1:], few, "cpu")
    for _ in range(2):
        alone.run_epoch()
    assert trainer.optimizer.t == resumed.optimizer.t == alone.optimizer.t == 4
    for name, values in trainer.history.metrics.items():
        assert torch.equal(values[1], resumed.history.metrics[name][1]), name
        torch.testing.assert_close(
            values[1][1:], alone.history.metrics[name][1], rtol=2e-4, atol=1e-4
        )
    reconstruction = trainer.history.metrics["train_reconstruction"]
    assert (reconstruction[1] < reconstruction[0]).all()


class Blank(CountedStreams):
    """Streams that leave what they should fill as it is."""

    def uniform_(self, out: Tensor) -> Tensor:
        return out


# A graph cannot hold what waits for the device: checks of the laws' parameters.
_WAITING = ("Poisson", "Geometric", "Binomial", "Negative-Binomial", "Relaxed-Bernoulli-density")


def test_no_step_waits_for_the_device(
    load_config: Callable[..., Config], few: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of every estimator and relaxation run on tensors without data, of which no value can be
    read.
    """
    monkeypatch.setattr(conditional, "_on_gpu", lambda g, *others: torch.empty_like(g))
    monkeypatch.setattr(CountedStreams, "split", _split_blank)
    waits, steps = _note_checks(monkeypatch), 0
    for cell in cells(load_config()).values():
        maker = relaxations if cell.runs[0].experiment == "relaxations" else vae
        trainer = maker.make_trainer(cell.runs, few, "meta")
        replicas = len(cell.runs)
        images = torch.empty(replicas, 10, 784, device="meta")
        streams = Blank(
            *(torch.zeros(replicas, dtype=torch.int64, device="meta") for _ in range(2))
        )
        for work in (trainer.objective.step, trainer.objective.evaluate):
            waits.clear()
            try:
                assert all(value.shape == (replicas,) for value in work(images, streams)), cell.name
            except RuntimeError as error:
                if "item() cannot be called" not in str(error):
                    raise
                waits.append("item")
            assert bool(waits) == (cell.runs[0].estimator in _WAITING), cell.name
            steps += not waits
    assert steps > 50


def _note_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the checks that laws make of values, which are skipped where there are none."""
    made: list[str] = []

    def noted(check: Callable[..., None]) -> Callable[..., None]:
        def noting(*arguments: Any) -> None:
            made.append(check.__name__)
            check(*arguments)

        return noting

    for module in [found for name, found in sys.modules.items() if name.startswith("reinrelax.")]:
        if getattr(module, "check", None) is base.check:
            monkeypatch.setattr(module, "check", noted(base.check))
    monkeypatch.setattr(
        base.Relaxation, "_validate_sample", noted(base.Relaxation._validate_sample)
    )
    return made


def _split_blank(self: CountedStreams, *tensors: Tensor) -> Iterator[tuple[Any, ...]]:
    for replica in range(len(self)):
        yield (*(tensor[replica] for tensor in tensors), Blank(self.keys[:1], self.counters[:1]))


# --- graphs


State = list[Tensor]


def counting() -> tuple[Callable[[], None], State]:
    """A step over two tensors, and both."""
    values, count = torch.ones(4), torch.zeros(1, dtype=torch.int64)

    def step() -> None:
        values.add_(1.0 / (1 + count))
        count.add_(1)

    return step, [values, count]


def stand_in(monkeypatch: pytest.MonkeyPatch, state: State, replay: Callable[[], None]) -> None:
    """In place of CUDA: what is captured is not computed, and a graph replays what it is
    told to.
    """

    @contextmanager
    def capture(*_: object) -> Iterator[None]:
        before = [tensor.clone() for tensor in state]
        yield
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)

    @contextmanager
    def nothing(*_: object) -> Iterator[None]:
        yield

    class Stream:
        def wait_stream(self, _: object) -> None: ...

    class Graph:
        def __init__(self) -> None:
            self.replay = replay

    fakes = {
        "Stream": Stream,
        "current_stream": Stream,
        "stream": nothing,
        "graph": capture,
        "CUDAGraph": Graph,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(graph, "_no_waiting", nothing)


def test_a_graph_is_used_where_replays_do_what_the_step_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step, state = counting()

    def replay() -> None:
        step()
        state[0] += 1e-4

    stand_in(monkeypatch, state, replay)
    assert graph.captured(step, state) is replay
    assert [tensor.tolist() for tensor in state] == [[1.0] * 4, [0]]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "fault", ["other numbers", "no count", "not a number", "cannot be replayed"]
)
def test_a_graph_that_does_otherwise_is_left_and_nothing_has_changed(
    fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step, state = counting()

    def replay() -> None:
        step()
        if fault == "other numbers":
            state[0] += 0.2
        if fault == "no count":
            state[1] -= 1
        if fault == "not a number":
            state[0][2] = torch.nan
        if fault == "cannot be replayed":
            raise RuntimeError("CUDA error: invalid argument\nCompile with …")

    stand_in(monkeypatch, state, replay)
    assert graph.captured(step, state) is step
    assert [tensor.tolist() for tensor in state] == [[1.0] * 4, [0]]
    reason = (
        "CUDA error: invalid argument"
        if fault == "cannot be replayed"
        else "replays differ from the step"
    )
    assert f"WARNING: the step cannot be a CUDA graph ({reason})" in capsys.readouterr().err


def test_a_pass_replays_full_batches_and_launches_the_rest(
    interpreted: None, few: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two passes of a first batch, graphs, and a smaller last batch; the graph is made once."""
    made = list[State]()

    def captured(step: Callable[[], None], state: State) -> Callable[[], None]:
        made.append(state)
        return lambda: (replays.append(1), step())[1]

    replays, changed = list[int](), torch.zeros(2)

    def work(images: Tensor, streams: Streams) -> Tensor:
        changed.add_(1)
        return images.mean((1, 2))[None] + 0 * streams.uniform_(torch.empty(2, 1)).T

    monkeypatch.setattr(graph, "captured", captured)
    monkeypatch.setattr(batches, "_on_gpu", lambda images: True)
    images, steps = torch.from_numpy(few.train), list[int]()
    passes = batches.ImagePass(images, 3, 2, work)
    order = torch.arange(len(images)).expand(2, -1)
    for epoch in (1, 2):
        found = passes.run(order, Streams.derive([0, 1], epoch), [changed], lambda: steps.append(1))
        torch.testing.assert_close(
            found, (images.double() / 255).mean().expand(1, 2), rtol=1e-6, atol=0
        )
    assert passes.steps == 9
    assert len(steps) == 18
    assert changed.tolist() == [18.0, 18.0]
    assert len(replays) == 7 + 8  # the first pass begins without
    (state,) = made
    assert any(tensor is changed for tensor in state)


# --- compiled


def test_kernels_compile_for_gpus(tmp_path: Path) -> None:
    """To machine code for an A100 and an H100, without either."""
    program = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from reinrelax.kernels.gpu import adam, conditional, random

def machine_code(kernel, capability, constants, kinds):
    kinds |= {name: "constexpr" for name in constants}
    signature = {name: kinds.get(name, "*fp32") for name in kernel.arg_names}
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=places)
    return compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]

whole = {name: "*i64" for name in ("keys", "counters", "winner", "at")}
whole |= {name: "i32" for name in ("count", "rows", "categories", "draws")}
for capability in (80, 90):
    for kernel, constants, kinds in (
        (random._uniform, {"wide": False, "block": 256}, {}),
        (random._uniform, {"wide": True, "block": 256}, {"out": "*fp64"}),
        (conditional._vjp, {"tile": 32, "width": 8}, {}),
        (adam._step, {"block": 1024}, {}),
    ):
        assert len(machine_code(kernel, capability, constants, whole | kinds)) > 1000
print("compiled")
"""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.stdout.strip() == "compiled", done.stderr
