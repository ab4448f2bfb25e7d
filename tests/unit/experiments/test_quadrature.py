"""The rules on polynomials, and all of `measure` on a small VAE against gradients made
otherwise.
"""

import math

import pytest
import torch
from torch import Tensor

from reinrelax.core.types import LatentShape
from reinrelax.estimators import exact
from reinrelax.experiments.gradients import quadrature
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.enumerated import EnumeratedLoss

C, L, B = 3, 2, 4
BETAS = (-0.2, 0.0, 0.3, 0.5, 1.0, 1.2)
# Highest degree of g′ that each rule integrates exactly.
DEGREES = {"rectangle": 0, "trapezoid": 1, "Simpson": 3, "cubic": 3}


def polynomial(degree: int) -> tuple[Tensor, Tensor, float]:
    """g′ = Σ_p (p + 2) x^p up to a degree: its coefficients, the nodes and its integral over [0,
    1].
    """
    powers = torch.arange(degree + 1, dtype=torch.float64)
    c = powers + 2

    def at(x: float) -> float:
        return float((c * x**powers).sum())

    nodes = torch.tensor(
        [at(0), at(0.5), at(1), float(c[1]) if degree else 0.0, float((c * powers).sum())]
    )
    return c, nodes.double(), float((c / (powers + 1)).sum())


@pytest.mark.parametrize("rule", quadrature.RULES)
def test_a_rule_is_exact_up_to_its_degree_and_no_further(rule: str) -> None:
    for degree in range(6):
        _, nodes, area = polynomial(degree)
        close = math.isclose(
            float(quadrature.apply(quadrature.weights(rule), nodes)), area, rel_tol=1e-12
        )
        assert close == (degree <= DEGREES[rule]), degree


@pytest.mark.parametrize("rule", quadrature.RULES)
def test_an_interpolant_meets_the_nodes_of_its_rule(rule: str) -> None:
    nodes = torch.tensor([0.7, -1.1, 2.3, 0.4, -0.9], dtype=torch.float64)
    x = torch.linspace(0, 1, 2001, dtype=torch.float64)
    y = quadrature.interpolant(rule, nodes, x)
    assert float(torch.trapezoid(y, x)) == pytest.approx(
        float(quadrature.apply(quadrature.weights(rule), nodes)), abs=1e-5
    )
    step = float(x[1])
    found = [y[0], y[1000], y[-1], (y[1] - y[0]) / step, (y[-1] - y[-2]) / step]
    meets = {"rectangle": [0], "trapezoid": [0, 2], "Simpson": [0, 1, 2], "cubic": [0, 2, 3, 4]}[
        rule
    ]
    for node in range(5):
        assert (abs(float(found[node] - nodes[node])) < 0.01) == (node in meets), node


def test_the_printed_weights() -> None:
    expected = {
        "rectangle": [1, 0, 0, 0, 0],
        "trapezoid": [1 / 2, 0, 1 / 2, 0, 0],
        "Simpson": [1 / 6, 4 / 6, 1 / 6, 0, 0],
        "cubic": [1 / 2, 0, 1 / 2, 1 / 12, -1 / 12],
    }
    for rule, values in expected.items():
        torch.testing.assert_close(
            quadrature.weights(rule), torch.tensor(values, dtype=torch.float64)
        )


@pytest.fixture(scope="module")
def loss() -> EnumeratedLoss:
    """Of a decoder in float64 with weights so large that the rules differ."""
    vae = DiscreteVAE(LatentShape(C, L), [0])
    for layer in vae.stack.layers:
        layer.weight, layer.bias = 4 * layer.weight.double(), layer.bias.double()
    images = torch.rand(B, 784, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return EnumeratedLoss(vae, 0, images, chunk=50)


@pytest.fixture(scope="module")
def logits() -> Tensor:
    return torch.randn(B, L, C, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def measured(loss: EnumeratedLoss, logits: Tensor) -> dict[tuple[object, object, object], float]:
    rows = quadrature.measure(loss, logits, BETAS)
    out = {(row["rule"], row["beta"], row["quantity"]): row["value"] for row in rows}
    assert len(out) == len(rows) == 4 * 6 + 2 * len(BETAS) * 5
    return out  # type: ignore[return-value]


class _Lookup(torch.autograd.Function):
    """f at codes from the table of values, with the table of slopes as its derivative."""

    @staticmethod
    def forward(ctx, z: Tensor, loss: EnumeratedLoss) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.place, ctx.loss = loss.index(z), loss
        return loss.value[torch.arange(B), ctx.place]

    @staticmethod
    def backward(ctx, cotangent: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        return cotangent[..., None, None] * ctx.loss.slope[torch.arange(B), ctx.place], None


def test_gradients_are_the_enumerated_ones(
    loss: EnumeratedLoss, logits: Tensor, measured: dict[tuple[object, object, object], float]
) -> None:
    def f(z: Tensor) -> Tensor:
        return _Lookup.apply(z, loss)

    true = exact.gradient(logits, f)
    sums = quadrature._accumulate(loss, logits)
    approximations = {
        ("rectangle", None): exact.first_order(logits, f),
        ("trapezoid", None): exact.second_order(logits, f),
        **{("endpoint", beta): exact.rk2(logits, f, beta=beta) for beta in BETAS},
        **{("endpoint, Eq. 24", beta): exact.rk2(logits, f, beta=1 - beta) for beta in BETAS},
    }
    torch.testing.assert_close(sums.gradients[-1], true, rtol=1e-9, atol=1e-9)
    errors = set()
    for key, gradient in approximations.items():
        quantities = {
            "gradient_error": float((gradient - true).norm() / true.norm()),
            "cosine_batch": float(
                torch.cosine_similarity(gradient.flatten(), true.flatten(), dim=0)
            ),
            "cosine": float(torch.cosine_similarity(gradient.flatten(1), true.flatten(1)).mean()),
        }
        for name, value in quantities.items():
            assert measured[*key, name] == pytest.approx(value, rel=1e-9), (key, name)
        errors.add(round(quantities["gradient_error"], 6))
    assert (
        len(errors) == len(BETAS) + 1
    )  # 1 − β takes −0.2, 0, 0.5, 1 and 1.2 to themselves, but not 0.3.
    rectangle = quadrature.apply(quadrature.weights("rectangle"), sums.gradients[:-1])
    torch.testing.assert_close(rectangle, approximations["rectangle", None], rtol=1e-9, atol=1e-9)


def test_errors_are_those_of_a_loop_over_all_pairs(
    loss: EnumeratedLoss, logits: Tensor, measured: dict[tuple[object, object, object], float]
) -> None:
    probs = logits.softmax(-1)
    weight, squares, closest = (
        0.0,
        dict.fromkeys([*quadrature.RULES, "difference"], 0.0),
        dict.fromkeys(DEGREES, 0.0),
    )
    for n, start in enumerate(loss.codes):
        for m, end in enumerate(loss.codes):
            changed = (start != end).any(-1)
            if changed.sum() != 1:
                continue
            (latent,) = changed.nonzero()[0].tolist()
            path = start + torch.tensor([0.0, 0.5, 1.0]).double()[:, None, None] * (end - start)
            first, second = loss.along(path, (end - start).expand(3, L, C))
            for image in range(B):
                w = float(
                    (probs[image] * start).sum(-1).prod() * (probs[image] * end).sum(-1)[latent]
                )
                nodes = torch.cat((first[image], second[::2]))
                difference = float(loss.value[image, m] - loss.value[image, n])
                error = {
                    rule: abs(float(quadrature.apply(quadrature.weights(rule), nodes)) - difference)
                    for rule in quadrature.RULES
                }
                weight += w
                closest[min(error, key=lambda rule: error[rule])] += w
                for rule, value in {**error, "difference": difference}.items():
                    squares[rule] += w * value**2
    for rule in quadrature.RULES:
        assert measured[rule, None, "error_rms"] == pytest.approx(
            (squares[rule] / weight) ** 0.5, rel=1e-8
        )
        assert measured[rule, None, "error_relative"] == pytest.approx(
            (squares[rule] / squares["difference"]) ** 0.5, rel=1e-8
        )
        assert measured[rule, None, "share_closest"] == pytest.approx(
            closest[rule] / weight, abs=1e-10
        )
    assert max(closest.values()) < weight


def test_end_point_rules_contain_rectangle_and_trapezoid(
    measured: dict[tuple[object, object, object], float],
) -> None:
    for quantity in ("error_rms", "error_relative", "cosine", "cosine_batch", "gradient_error"):
        for beta, rule in ((0.0, "rectangle"), (0.5, "trapezoid")):
            assert measured["endpoint", beta, quantity] == pytest.approx(
                measured[rule, None, quantity]
            )
        for beta in (-0.2, 0.0, 0.5):
            assert measured["endpoint, Eq. 24", beta, quantity] == pytest.approx(
                measured["endpoint", round(1 - beta, 9), quantity]
            )
    assert measured["endpoint", 0.3, "error_rms"] > measured["trapezoid", None, "error_rms"]


def test_example_shows_the_median_pair(loss: EnumeratedLoss, logits: Tensor) -> None:
    rows = quadrature.example(loss, logits, points=2001)
    assert rows == quadrature.example(loss, logits, points=2001)
    lines = {}
    for row in rows:
        x, slope, area = (float(str(row[name])) for name in ("x", "slope", "integral"))
        lines.setdefault(str(row["rule"]), []).append((x, slope, area))
    assert list(lines) == ["g'", *quadrature.RULES]
    for rule, points in lines.items():
        x, slope, area = torch.tensor(points).double().T
        # g′ jumps where a unit of the decoder switches; the sum over 2,000 steps feels that.
        tolerance = 0.01 * float(slope.abs().max()) if rule == "g'" else 1e-4
        assert float(torch.trapezoid(slope, x)) == pytest.approx(float(area[0]), abs=tolerance)
    errors = []
    probs = logits.softmax(-1)
    for n, start in enumerate(loss.codes):
        for m, end in enumerate(loss.codes):
            changed = (start != end).any(-1)
            if changed.sum() == 1:
                w = (probs * start).sum(-1).prod(-1) * (probs * end).sum(-1)[:, changed][:, 0]
                ends = ((loss.slope[:, n] + loss.slope[:, m]) * (end - start)).sum((-2, -1)) / 2
                errors += list(
                    zip(
                        w.tolist(),
                        (ends - loss.value[:, m] + loss.value[:, n]).abs().tolist(),
                        strict=True,
                    )
                )
    kept = sorted(error for w, error in errors if w >= 0.1 * max(w for w, _ in errors))
    shown = abs(lines["trapezoid"][0][2] - lines["g'"][0][2])
    assert shown == pytest.approx(kept[(len(kept) - 1) // 2], rel=1e-9)
    assert kept[0] < 0.9 * shown < shown < 0.9 * kept[-1]
