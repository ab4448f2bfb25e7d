"""Laws and estimators beside their peers: a sample and its gradient, made anew, of ours and theirs
in turn.

    python -m benchmarks.peers                 every pair at every shape
    python -m benchmarks.peers --rounds 5      a quick look

One process, one thread, processor time: what else runs hits both alike. Tells the median time of
each and their ratio, below one where ours is faster, with and without checks of values. relaxit
checks none by default, and its HardConcrete draws one number for the whole batch.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch import distributions as laws
from torch.nn.functional import gumbel_softmax

import reinrelax
from reinrelax import distributions as own
from reinrelax import estimators
from reinrelax.experiments.library.released import released

SHAPES = ((100, 4, 8), (100, 30, 10), (100, 8, 64))
ROUNDS, _WARM = 50, 3
# From logits and whether values are checked, to a sample in their graph.
Draw = Callable[[Tensor, bool], Tensor]


@dataclass(frozen=True)
class Pair:
    """What does the same.

    Attributes:
        name: ours.
        peer: the package of the other.
    """

    name: str
    peer: str
    ours: Draw
    theirs: Draw


def pairs() -> Iterator[Pair]:
    """What is compared, of torch, of relaxit and of the package of ReinMax."""
    theirs, tau = released(), torch.tensor(0.5)

    def identity(x: Tensor) -> Tensor:
        return torch.eye(x.shape[-1])

    def plain(law: Callable[..., Any]) -> Draw:
        return lambda x, check: law(x, validate_args=check).rsample()

    def drawn(law: Callable[[Tensor], Any]) -> Draw:
        """As it checks by default: not all can be told to."""
        return lambda x, check: law(x).rsample()

    yield Pair(
        "HardConcrete",
        "relaxit",
        plain(lambda x, **v: own.HardConcrete(0.5, logits=x, **v)),
        drawn(lambda x: theirs.HardConcrete(x.exp(), tau, torch.tensor(1.1), torch.tensor(-0.1))),
    )
    yield Pair(
        "LogisticNormal",
        "relaxit",
        plain(lambda x, **v: own.LogisticNormal(x, identity(x), **v)),
        drawn(lambda x: theirs.LogisticNormalSoftmax(x, torch.ones_like(x))),
    )
    yield Pair(
        "CorrelatedRelaxedBernoulli",
        "relaxit",
        plain(
            lambda x, **v: own.CorrelatedRelaxedBernoulli(
                0.5, logits=x, correlation=identity(x), **v
            )
        ),
        drawn(lambda x: theirs.CorrelatedRelaxedBernoulli(x.sigmoid(), identity(x), tau)),
    )
    yield Pair(
        "GumbelTopK",
        "relaxit",
        plain(lambda x, **v: own.GumbelTopK(0.5, 2, logits=x, straight_through=True, **v)),
        drawn(
            lambda x: theirs.GumbelSoftmaxTopK(x.softmax(-1), K=torch.tensor(2), tau=tau, hard=True)
        ),
    )
    yield Pair(
        "RelaxedBernoulli",
        "torch",
        plain(lambda x, **v: own.RelaxedBernoulli(0.5, logits=x, **v)),
        drawn(lambda x: laws.RelaxedBernoulli(tau, logits=x)),
    )
    yield Pair(
        "RelaxedOneHotCategorical",
        "torch",
        plain(lambda x, **v: own.RelaxedOneHotCategorical(0.5, logits=x, **v)),
        drawn(lambda x: laws.RelaxedOneHotCategorical(tau, logits=x)),
    )
    yield Pair(
        "DecoupledStraightThroughGumbelSoftmax",
        "torch",
        plain(lambda x, **v: own.DecoupledStraightThroughGumbelSoftmax(0.5, logits=x, **v)),
        drawn(lambda x: laws.OneHotCategoricalStraightThrough(logits=x)),
    )
    yield Pair(
        "reinmax",
        "reinmax",
        lambda x, check: estimators.reinmax(x, tau=1.3, validate_args=check),
        lambda x, check: _reinmax()(x, 1.3)[0],
    )
    yield Pair(
        "gumbel_softmax",
        "torch",
        lambda x, check: reinrelax.gumbel_softmax(x, 0.5, True, validate_args=check),
        lambda x, check: gumbel_softmax(x, 0.5, True),
    )
    yield Pair(
        "straight_through",
        "torch",
        lambda x, check: estimators.straight_through(x, validate_args=check),
        drawn(lambda x: laws.OneHotCategoricalStraightThrough(logits=x)),
    )


def _reinmax() -> Callable[..., Any]:
    from reinmax import reinmax

    function: Callable[..., Any] = reinmax
    return function


def seconds(draw: Draw, shape: Sequence[int], check: bool) -> float:
    """Processor time of a sample and the gradient of a sum of it."""
    logits = torch.randn(*shape).requires_grad_()
    started = time.process_time()
    sample = draw(logits, check)
    sample.backward(torch.ones_like(sample))
    return time.process_time() - started


def measured(pair: Pair, shape: Sequence[int], rounds: int) -> dict[str, float]:
    """Medians of ours with and without checks, and of theirs as it is by default, in seconds."""
    each: dict[str, tuple[Draw, bool]] = {
        "ours": (pair.ours, True),
        "unchecked": (pair.ours, False),
        "theirs": (pair.theirs, True),
    }
    found: dict[str, list[float]] = {name: [] for name in each}
    for _ in range(_WARM + rounds):
        for name, (draw, check) in each.items():
            found[name].append(seconds(draw, shape, check))
    return {name: median(times[_WARM:]) for name, times in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each is timed, in turn"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    torch.set_num_threads(1)
    print("microseconds of ours and theirs, and the ratio: with checks (without)")
    for pair in pairs():
        line = f"{pair.name:38} {pair.peer:8}"
        for shape in SHAPES:
            took = measured(pair, shape, options.rounds)
            ratio, unchecked = (took[key] / took["theirs"] for key in ("ours", "unchecked"))
            line += (
                f"  {took['ours'] * 1e6:6.0f} {took['theirs'] * 1e6:6.0f} {ratio:5.2f}"
                f" ({unchecked:4.2f})"
            )
        print(line)


if __name__ == "__main__":
    main()
