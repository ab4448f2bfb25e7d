"""The difference f(I_i) − f(I_j) as an integral, and rules to approximate it (B, section 5.3).

With g(x) = f(x I_i + (1 − x) I_j), f(I_i) − f(I_j) = ∫₀¹ g′(x) dx. A rule is a weighted sum of the
*nodes* g′(0), g′(½), g′(1), g″(0), g″(1), always in this order. I_i and I_j are values of one
latent variable; the others are fixed at one of O = C^(L−1) values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import torch
from torch import Tensor

from reinrelax.core.numerics import log_softmax
from reinrelax.vae.enumerated import EnumeratedLoss

# The function that each rule integrates instead of g′: a polynomial in x per node, with the
# coefficients of 1, x, x², x³.
_NOTHING = (0, 0, 0, 0)
_INTERPOLANTS: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType(
    {
        "rectangle": ((1, 0, 0, 0), _NOTHING, _NOTHING, _NOTHING, _NOTHING),
        "trapezoid": ((1, -1, 0, 0), _NOTHING, (0, 1, 0, 0), _NOTHING, _NOTHING),
        "Simpson": ((1, -3, 2, 0), (0, 4, -4, 0), (0, -1, 2, 0), _NOTHING, _NOTHING),
        "cubic": ((1, 0, -3, 2), _NOTHING, (0, 0, 3, -2), (0, 1, -2, 1), (0, 0, -1, 1)),
    }
)
RULES = tuple(_INTERPOLANTS)
# Pairs with a weight below this share of the largest are not used as the example.
_SUBSTANTIAL = 0.1


def weights(rule: str) -> Tensor:
    """Return the weights of the nodes in one of RULES, `[5]`: the integral of its interpolant."""
    coefficients = torch.tensor(_INTERPOLANTS[rule], dtype=torch.float64)
    return (coefficients / torch.arange(1, 5)).sum(-1)


def endpoint_weights(beta: float) -> Tensor:
    """Return the weights `[5]` of (1 − β) g′(0) + β g′(1) (B, Eq. 25; Eq. 24 has β for 1 − β)."""
    return torch.tensor([1 - beta, 0, beta, 0, 0], dtype=torch.float64)


def interpolant(rule: str, nodes: Tensor, x: Tensor) -> Tensor:
    """Return the interpolant of g′ of one of RULES at x `[n]`, given the nodes `[5]`: `[n]`."""
    coefficients = torch.tensor(_INTERPOLANTS[rule]).to(nodes)
    return torch.vander(x, 4, increasing=True) @ (nodes @ coefficients)


def apply(rule_weights: Tensor, nodes: Tensor) -> Tensor:
    """Return the value of a rule from its weights `[5]` and the nodes `[5, ...]`: `[...]`."""
    return torch.einsum("k,k...->...", rule_weights.to(nodes), nodes)


def measure(
    loss: EnumeratedLoss, logits: Tensor, betas: Sequence[float]
) -> list[dict[str, object]]:
    """Measure the error of every rule over all pairs of categories, and of its gradient (B, Eq. 8).

    An ordered pair i ≠ j of one variable has the weight π(others) π_i π_j. Images, variables and
    values of the others are pooled.

    Args:
        loss: f at all codes, for B images.
        logits: θ of the images' posteriors, `[B, L, C]`.
        betas: of the end-point rules.

    Returns:
        Rows of rule, beta (None for rules without one), quantity and value. Quantities:
        error_rms: weighted root mean square of the error of f(I_i) − f(I_j), nats.
        error_relative: that over the root mean square of f(I_i) − f(I_j).
        share_closest: weighted share of pairs for which this is the closest of RULES.
        cosine: between the exact gradient in θ and that of Eq. 8 with the rule; mean over images.
        cosine_batch: the same with all images' gradients as one vector.
        gradient_error: norm of the two vectors' difference over the norm of the exact one.
    """
    sums = _accumulate(loss, logits)
    rules: list[tuple[str, float | None, Tensor]] = [(rule, None, weights(rule)) for rule in RULES]
    rules += [("endpoint", beta, endpoint_weights(beta)) for beta in betas]
    rules += [("endpoint, Eq. 24", beta, endpoint_weights(1 - beta)) for beta in betas]
    exact = sums.gradients[-1]
    rows: list[dict[str, object]] = []
    for rule, beta, node_weights in rules:
        # The error is linear in nodes and difference, so its mean square is a quadratic form.
        error = torch.cat((node_weights, node_weights.new_tensor([-1.0])))
        square = float(error @ sums.moments @ error)
        gradient = apply(node_weights, sums.gradients[:-1])
        quantities = {
            "error_rms": (square / sums.weight) ** 0.5,
            "error_relative": (square / float(sums.moments[-1, -1])) ** 0.5,
            "cosine": float(_cosine(gradient.flatten(1), exact.flatten(1)).mean()),
            "cosine_batch": float(_cosine(gradient.flatten(), exact.flatten())),
            "gradient_error": float((gradient - exact).norm() / exact.norm()),
        }
        if beta is None:
            quantities["share_closest"] = sums.closest[rule] / sums.weight
        rows += [
            {"rule": rule, "beta": beta, "quantity": q, "value": v} for q, v in quantities.items()
        ]
    return rows


def example(loss: EnumeratedLoss, logits: Tensor, *, points: int = 65) -> list[dict[str, object]]:
    """Return g′ and its interpolants for the pair with the median trapezoid error.

    The median is over the pairs of all images and variables with at least a tenth of the largest
    weight.

    Args:
        loss: f at all codes, for B images.
        logits: θ of the images' posteriors, `[B, L, C]`.
        points: the number of x in [0, 1].

    Returns:
        Rows of rule (`g'` for the curve itself), x, slope (nats per unit of x) and integral (nats).
    """
    image, i, j = _median_pair(loss, logits)
    start, end = loss.codes[j], loss.codes[i]
    x = torch.linspace(0, 1, points).to(start)

    def along(places: Tensor) -> tuple[Tensor, Tensor]:
        path = start + places[:, None, None] * (end - start)
        first, second = loss.along(path, (end - start).expand_as(path))
        return first[image], second

    first, second = along(torch.tensor([0.0, 0.5, 1.0]).to(start))
    nodes = torch.cat((first, second[::2]))
    lines = {"g'": (along(x)[0], loss.value[image, i] - loss.value[image, j])}
    lines |= {rule: (interpolant(rule, nodes, x), apply(weights(rule), nodes)) for rule in RULES}
    return [
        {"rule": rule, "x": float(at), "slope": float(slope), "integral": float(area)}
        for rule, (slopes, area) in lines.items()
        for at, slope in zip(x, slopes, strict=True)
    ]


@dataclass(frozen=True)
class _Sums:
    """Sums over pairs for `measure`. The *columns* are the five nodes and, last, f(I_i) − f(I_j).

    Attributes:
        weight: Σ w over pairs.
        moments: Σ w column columnᵀ, `[6, 6]`.
        gradients: Eq. 8 with each column in place of f(I_i) − f(I_j), `[6, B, L, C]`.
        closest: Σ w over the pairs for which a rule is the closest of RULES.
    """

    weight: float
    moments: Tensor
    gradients: Tensor
    closest: dict[str, float]


def _accumulate(loss: EnumeratedLoss, logits: Tensor) -> _Sums:
    """Return the sums in float64, accumulated over latent variables."""
    parts = [_of_latent(loss, logits, latent) for latent in range(logits.shape[1])]
    return _Sums(
        weight=sum(part.weight for part in parts),
        moments=torch.stack([part.moments for part in parts]).sum(0),
        gradients=torch.cat([part.gradients for part in parts], -2),
        closest={rule: sum(part.closest[rule] for part in parts) for rule in RULES},
    )


def _of_latent(loss: EnumeratedLoss, logits: Tensor, latent: int) -> _Sums:
    """Return the sums for one variable, with gradients `[6, B, 1, C]`."""
    places = _places(loss, latent)
    weight = _weight(loss, logits, latent, places)
    nodes, difference = _nodes(loss, latent, places)
    best = torch.stack([(apply(weights(rule), nodes) - difference).abs() for rule in RULES]).argmin(
        0
    )
    closest = {rule: float(weight[best == index].sum()) for index, rule in enumerate(RULES)}
    root = weight.sqrt()
    scaled = torch.cat((nodes, difference[None])).double().mul_(root)
    moments = scaled.flatten(1) @ scaled.flatten(1).T
    # Σ_j w column dπ_i/dθ, with w = π(others) π_i π_j and dπ_i/dθ_k = π_i (δ_ik − π_k).
    inner = scaled.mul_(root).sum((-2, -1))
    probs = logits[:, latent].double().softmax(-1)
    gradients = (inner - probs * inner.sum(-1, keepdim=True))[:, :, None]
    return _Sums(float(weight.sum()), moments.cpu(), gradients.cpu(), closest)


def _places(loss: EnumeratedLoss, latent: int) -> Tensor:
    """Return the index of the code with category c of a variable, value o of others, `[C, O]`."""
    count, latents, categories = loss.codes.shape
    return torch.arange(count).view((categories,) * latents).movedim(latent, 0).flatten(1)


def _weight(loss: EnumeratedLoss, logits: Tensor, latent: int, places: Tensor) -> Tensor:
    """Return π(others) π_i π_j, zero for i = j, `[B, i, j, O]`, float64."""
    log_probs = log_softmax(logits.double())
    joint = (log_probs.flatten(1) @ loss.codes.double().flatten(1).T).exp()[:, places]
    weight = joint[:, :, None] * log_probs[:, latent].exp()[:, None, :, None]
    return weight * (1 - torch.eye(logits.shape[-1]).to(weight))[..., None]


def _ends(loss: EnumeratedLoss, latent: int, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return g′(0), g′(1) and f(I_i) − f(I_j), each `[B, i, j, O]`."""
    value, slope = loss.value[:, places], loss.slope[:, places, latent]  # [B, C, O], [B, C, O, C]
    own = torch.eye(slope.shape[1]).to(slope)[:, None]
    away = slope - (slope * own).sum(-1, keepdim=True)  # f′(I_a)(I_c − I_a), [B, a, O, c]
    difference = value[:, :, None] - value[:, None]  # [B, i, j, O]
    return away.permute(0, 3, 1, 2), -away.permute(0, 1, 3, 2), difference


def _nodes(loss: EnumeratedLoss, latent: int, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nodes `[5, B, i, j, O]` and f(I_i) − f(I_j) `[B, i, j, O]`."""
    start, end, difference = _ends(loss, latent, places)
    codes = loss.codes[places]  # [C, O, L, C]
    i, j = torch.tensor(list(combinations(range(len(places)), 2))).T
    middles, directions = (codes[i] + codes[j]) / 2, codes[i] - codes[j]
    first, _ = loss.along(middles.flatten(0, 1), directions.flatten(0, 1))
    middle = torch.zeros_like(difference)
    middle[:, i, j] = first.unflatten(-1, directions.shape[:2])
    middle[:, j, i] = -middle[:, i, j]
    # From each code towards each category. The sign of the direction does not matter for a second
    # derivative.
    here, there = torch.broadcast_tensors(codes[:, None], codes)  # [a, c, O, L, C]
    _, second = loss.along(here.flatten(0, 2), (there - here).flatten(0, 2))
    bend = second.view(here.shape[:3]).expand_as(difference)
    return torch.stack([start, middle, end, bend.transpose(1, 2), bend]), difference


def _median_pair(loss: EnumeratedLoss, logits: Tensor) -> tuple[int, int, int]:
    """Return the image of the pair for `example`, and the indices of its codes with I_i and I_j."""
    weight, error = [], []
    places = [_places(loss, latent) for latent in range(logits.shape[1])]
    for latent, at in enumerate(places):
        start, end, difference = _ends(loss, latent, at)
        weight.append(_weight(loss, logits, latent, at))
        error.append(((start + end) / 2 - difference).abs())
    all_weights, errors = torch.stack(weight), torch.stack(error)
    (substantial,) = (
        (all_weights >= _SUBSTANTIAL * all_weights.amax()).flatten().nonzero(as_tuple=True)
    )
    order = errors.flatten()[substantial].argsort(stable=True)
    median = substantial[order[(len(order) - 1) // 2]]
    latent, image, i, j, others = (int(k) for k in torch.unravel_index(median, errors.shape))
    return image, int(places[latent][i, others]), int(places[latent][j, others])


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return torch.cosine_similarity(a, b, dim=-1)
