"""The two temperatures of decoupled Straight-Through Gumbel-Softmax (A, III.K, Figures 7 and 8).

Keys are l + g. The forward pass is computed as printed, argmax softmax(keys/τ_f), although a
positive factor does not change an argmax, because the effect of τ_f is measured. Letters:
N samples, C categories.
"""

from collections.abc import Iterator, Sequence

import torch
from scipy.special import fdtri
from torch import Tensor

from reinrelax.core.rng import derive
from reinrelax.distributions.decoupled import DecoupledStraightThroughGumbelSoftmax
from reinrelax.distributions.functions import gumbel, one_hot_argmax
from reinrelax.experiments.decoupled.experiment import Decoupled

Row = dict[str, object]

_NORMAL_95 = 1.959964
# Tested in addition to the forward temperatures of Figure 8.
_EXTREMES = (0.01, 10.0, 100.0)
_REFERENCE = 1.0
_LEVEL = 0.99


def measure(spec: Decoupled, *, seed: int = 0) -> dict[str, list[Row]]:
    """Measure sharpness by temperature, the grid of temperatures, and whether τ_f has any effect.

    Args:
        spec: logits, temperatures and the number of samples.
        seed: of all randomness.

    Returns:
        sharpness: rows of tau, category (from 0), quantity, value and, for a mean, low and high
            (95%), of softmax((l + g)/τ). Quantities:
            one draw: the same g at every τ.
            mean: over draws, which are the same at every τ.
            probability: softmax(l), the probabilities of the hard sample at every τ.
        temperatures: rows of tau_forward, tau_backward, quantity, value, low and high (95%, by the
            delta method: each quantity is a mean over samples, to first order), of
            soft = softmax((l + g)/τ_b) and hard = one-hot argmax softmax((l + g)/τ_f). Cells have
            independent noise. Quantities:
            entropy: of the mean soft sample, nats.
            variance: of soft, mean over categories.
            max_probability: the mean of the largest entry of soft.
            distance: the mean of |hard − soft| over samples and categories. It equals
                2 (1 − max_probability)/C, as long as hard marks the largest entry of soft.
        inert: rows of tau_forward, quantity, value and expected. Quantities, with the same noise in
            float32:
            disagreements: draws whose hard sample differs from that at τ_f = 1; expected 0.
            ties: draws whose two largest entries of softmax((l + g)/τ_f) round to the same number,
                so that their position decides the argmax: a possible cause of disagreements.
            gradient_difference: the largest difference of ∂(w·z)/∂l from that at τ_f = 1, for
                normal w.
            Without tau_forward, and only if the grid has at least two rows and two columns:
            F forward, <quantity> and F backward, <quantity>: of a two-way analysis of variance of
                the grid, with a value per cell; expected is the 1% critical value under no effect.
    """
    grid = list(_grid(spec, seed))
    return {
        "sharpness": list(_sharpness(spec, seed)),
        "temperatures": grid,
        "inert": [*_inert(spec, seed), *_analysis(grid, len(spec.forward), len(spec.backward))],
    }


def _noise(logits: Tensor, count: int, *purpose: object) -> Tensor:
    """Draw the noise of `count` samples, `[N, C]`, from the stream named by `purpose`."""
    law = DecoupledStraightThroughGumbelSoftmax(1.0, logits=logits)
    return law.draw_noise((count,), generator=torch.Generator().manual_seed(derive(*purpose)))


def _sharpness(spec: Decoupled, seed: int) -> Iterator[Row]:
    logits = torch.tensor(spec.sharpness_logits, dtype=torch.float64)
    keys = logits + gumbel(_noise(logits, spec.draws, seed, "temperatures", "sharpness"))
    for tau in spec.sharpness_taus:
        soft = (keys / tau).softmax(-1)
        error = _NORMAL_95 * soft.std(0) / len(soft) ** 0.5
        mean = soft.mean(0)
        columns = torch.stack((soft[0], mean, mean - error, mean + error, logits.softmax(-1)), -1)
        for category, (one, value, low, high, p) in enumerate(columns.tolist()):
            common: Row = {"tau": tau, "category": category}
            yield {**common, "quantity": "one draw", "value": one}
            yield {**common, "quantity": "mean", "value": value, "low": low, "high": high}
            yield {**common, "quantity": "probability", "value": p}


def _grid(spec: Decoupled, seed: int) -> Iterator[Row]:
    """Yield the rows of the grid, ordered by τ_f, τ_b and quantity."""
    logits = torch.tensor(spec.logits, dtype=torch.float64)
    for forward in spec.forward:
        for backward in spec.backward:
            noise = _noise(logits, spec.samples, seed, "temperatures", forward, backward)
            for quantity, values in _influences(logits + gumbel(noise), forward, backward).items():
                value = float(values.mean())
                half = _NORMAL_95 * float(values.std()) / len(values) ** 0.5
                yield {
                    **{"tau_forward": forward, "tau_backward": backward, "quantity": quantity},
                    **{"value": value, "low": value - half, "high": value + half},
                }


def _influences(keys: Tensor, forward: float, backward: float) -> dict[str, Tensor]:
    """Return numbers `[N]` per quantity: their mean is the quantity, their spread gives its error.

    The error is correct to first order.
    """
    soft = (keys / backward).softmax(-1)
    mean = soft.mean(0)
    return {
        "entropy": -soft @ mean.log(),
        "variance": ((soft - mean) ** 2).mean(-1),
        "max_probability": soft.amax(-1),
        "distance": (_hard(keys, forward) - soft).abs().mean(-1),
    }


def _hard(keys: Tensor, forward: float) -> Tensor:
    """Compute the forward pass as printed."""
    return one_hot_argmax((keys / forward).softmax(-1))


def _inert(spec: Decoupled, seed: int) -> Iterator[Row]:
    logits = torch.tensor(spec.logits, dtype=torch.float32)
    noise = _noise(logits, spec.draws, seed, "temperatures", "inert")
    keys = logits + gumbel(noise)
    weights = torch.randn(
        keys.shape, generator=torch.Generator().manual_seed(derive(seed, "temperatures", "weights"))
    )

    def gradient(forward: float) -> Tensor:
        leaf = logits.expand_as(noise).clone().requires_grad_()
        law = DecoupledStraightThroughGumbelSoftmax(1.0, logits=leaf, temperature_forward=forward)
        (out,) = torch.autograd.grad((weights * law.from_noise(noise)).sum(), leaf)
        return out

    hard_reference, gradient_reference = _hard(keys, _REFERENCE), gradient(_REFERENCE)
    for forward in sorted({*spec.forward, *_EXTREMES}):
        largest = (keys / forward).softmax(-1).topk(2).values
        quantities = {
            "disagreements": ((_hard(keys, forward) != hard_reference).any(-1).sum(), 0.0),
            "ties": ((largest[:, 0] == largest[:, 1]).sum(), None),
            "gradient_difference": ((gradient(forward) - gradient_reference).abs().max(), 0.0),
        }
        for quantity, (value, expected) in quantities.items():
            yield {
                **{"tau_forward": forward, "quantity": quantity},
                **{"value": float(value), "expected": expected},
            }


def _analysis(grid: Sequence[Row], rows: int, columns: int) -> Iterator[Row]:
    """Compute a two-way analysis of variance without interaction; the residual is the noise."""
    if min(rows, columns) < 2:
        return
    residual_freedom = (rows - 1) * (columns - 1)
    for quantity in dict.fromkeys(str(row["quantity"]) for row in grid):
        values = [row["value"] for row in grid if row["quantity"] == quantity]
        cells = torch.tensor(values, dtype=torch.float64).reshape(rows, columns)
        cells = cells - cells.mean()
        of_rows, of_columns = cells.mean(1, keepdim=True), cells.mean(0, keepdim=True)
        noise = ((cells - of_rows - of_columns) ** 2).sum() / residual_freedom
        for factor, effect, freedom in (
            ("forward", of_rows, rows - 1),
            ("backward", of_columns, columns - 1),
        ):
            square = (effect.expand_as(cells) ** 2).sum() / freedom
            yield {
                **{"quantity": f"F {factor}, {quantity}", "value": float(square / noise)},
                "expected": float(fdtri(freedom, residual_freedom, _LEVEL)),
            }
