"""Every estimator's mean against the expectation it claims, by enumeration where that is exact."""

import math
from collections.abc import Callable

import pytest
import torch
from reinmax import reinmax as released_reinmax
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import logistic
from torch import Tensor

from reinrelax import estimators
from reinrelax.core.rng import Streams
from reinrelax.estimators import exact, reinmax
from reinrelax.estimators.base import Pathwise, Sample, draw, softmax_vjp
from reinrelax.estimators.gumbel import conditional_gumbels, conditional_softmax_vjp

C = 5
torch.manual_seed(0)
CASES = [
    (torch.randn(C, dtype=torch.float64), torch.randn(C, C, dtype=torch.float64)) for _ in range(5)
]


def smooth(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A smooth, far from quadratic function of one code `[..., 1, C]`, `[...]`."""
    return lambda z: (torch.tanh(z @ weights) + torch.sin(2 * z @ weights.T)).sum((-2, -1))


def slopes(weights: Tensor) -> Tensor:
    """f′(I_i) for every i, `[C, C]`."""
    points = torch.eye(C, dtype=torch.float64)[:, None].requires_grad_()
    (out,) = torch.autograd.grad(smooth(weights)(points).sum(), points)
    return out[:, 0]


def mean_over_codes(name: str, theta: Tensor, weights: Tensor, **hyper: float) -> Tensor:
    """Σ_i π_i · estimate(D = I_i), exact for estimators that need no noise beyond D."""
    estimator = estimators.get(name)
    assert isinstance(estimator, Pathwise)
    log_probs = theta.log_softmax(-1).expand(1, C, C)
    sample = Sample(
        log_probs,
        torch.full_like(log_probs, torch.nan),
        torch.eye(C, dtype=torch.float64)[None],
        Streams([None]),
    )
    grads = estimator.function(slopes(weights)[None], sample, **hyper)[0]
    return theta.softmax(-1) @ grads


def rk2_by_double_sum(theta: Tensor, weights: Tensor, beta: float) -> Tensor:
    """B, Eq. 26, term by term as printed."""
    probs, slope, eye = theta.softmax(-1), slopes(weights), torch.eye(C, dtype=torch.float64)
    out = torch.zeros(C, dtype=torch.float64)
    for i in range(C):
        for j in range(C):
            change = ((1 - beta) * slope[j] + beta * slope[i]) @ (eye[i] - eye[j])
            out += probs[j] * change * probs[i] * (eye[i] - probs)
    return out


@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_exact_gradient_is_the_derivative_of_the_expectation(
    theta: Tensor, weights: Tensor
) -> None:
    f = smooth(weights)
    leaf = theta.clone().requires_grad_()
    values = f(torch.eye(C, dtype=torch.float64)[:, None])
    (expected,) = torch.autograd.grad(leaf.softmax(-1) @ values, leaf)
    torch.testing.assert_close(exact.gradient(theta[None], f)[0], expected)
    torch.testing.assert_close(exact.expectation(theta[None], f), theta.softmax(-1) @ values)


@pytest.mark.parametrize("beta", [-0.2, 0.0, 0.3, 0.5, 1.0, 1.2])
@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_exact_expectations_are_the_printed_double_sums(
    theta: Tensor, weights: Tensor, beta: float
) -> None:
    f, expected = smooth(weights), rk2_by_double_sum(theta, weights, beta)
    torch.testing.assert_close(exact.rk2(theta[None], f, beta=beta)[0], expected)
    if beta == 0.0:
        torch.testing.assert_close(exact.first_order(theta[None], f)[0], expected)
    if beta == 0.5:
        torch.testing.assert_close(exact.second_order(theta[None], f)[0], expected)


def test_exact_gradient_joins_latent_variables_and_batches() -> None:
    torch.manual_seed(1)
    logits = torch.randn(4, 2, 3, dtype=torch.float64)
    weights = torch.randn(6, dtype=torch.float64)

    def f(z: Tensor) -> Tensor:
        return torch.tanh(z.flatten(-2) @ weights) ** 2

    leaf = logits.clone().requires_grad_()
    probs = leaf.softmax(-1)
    eye = torch.eye(3, dtype=torch.float64)
    total = sum(
        (probs[:, 0, i] * probs[:, 1, j] * f(torch.stack((eye[i], eye[j])))).sum()
        for i in range(3)
        for j in range(3)
    )
    (expected,) = torch.autograd.grad(total, leaf)
    torch.testing.assert_close(exact.gradient(logits, f, chunk=2), expected)
    torch.testing.assert_close(exact.gradient(logits, f), expected)


def test_exact_refuses_too_many_codes() -> None:
    with pytest.raises(Exception, match="64\\^8 codes are too many"):
        exact.gradient(torch.zeros(8, 64), lambda z: z.sum((-1, -2)))


@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_straight_through_is_first_order_in_the_mean(theta: Tensor, weights: Tensor) -> None:
    expected = exact.first_order(theta[None], smooth(weights))[0]
    torch.testing.assert_close(mean_over_codes("ST", theta, weights, tau=1.0), expected)
    assert not torch.allclose(mean_over_codes("ST", theta, weights, tau=1.3), expected)


@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_reinmax_is_second_order_in_the_mean_at_unit_temperature_only(
    theta: Tensor, weights: Tensor
) -> None:
    expected = exact.second_order(theta[None], smooth(weights))[0]
    torch.testing.assert_close(mean_over_codes("ReinMax", theta, weights, tau=1.0), expected)
    assert not torch.allclose(
        mean_over_codes("ReinMax", theta, weights, tau=1.3), expected, rtol=1e-3
    )
    # The control: one-hot argmax in place of D has another mean.
    assert not torch.allclose(
        mean_over_codes("ReinMax-Argmax", theta, weights, tau=1.0), expected, rtol=1e-3
    )


@pytest.mark.parametrize("beta", [-0.2, 0.0, 0.25, 0.5, 0.75, 1.2])
@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_rk2_as_printed_misses_theorem_1_by_the_dropped_term(
    theta: Tensor, weights: Tensor, beta: float
) -> None:
    expected = exact.rk2(theta[None], smooth(weights), beta=beta)[0]
    probs = theta.softmax(-1)
    centred = torch.eye(C, dtype=torch.float64) - probs
    dropped = (2 * beta - 1) * probs * (probs * (slopes(weights) * centred).sum(-1)).sum()
    torch.testing.assert_close(
        mean_over_codes("ReinMax-RK2", theta, weights, beta=beta), expected + dropped
    )
    torch.testing.assert_close(
        mean_over_codes("ReinMax-RK2-corrected", theta, weights, beta=beta), expected
    )
    assert (beta == 0.5) == bool(dropped.abs().max() < 1e-12)


@pytest.mark.parametrize("beta", [-0.2, 0.0, 0.25, 0.5, 0.55, 1.2])
@pytest.mark.parametrize(("theta", "weights"), CASES)
def test_rk2_as_run_is_rk2_at_one_half_alone(theta: Tensor, weights: Tensor, beta: float) -> None:
    """Its mean is that of Eq. 26 and, times 2β − 1, the first-order one and the centred dropped
    term.
    """
    probs, f = theta.softmax(-1), smooth(weights)
    dropped = (
        probs * (slopes(weights) * (torch.eye(C, dtype=torch.float64) - probs)).sum(-1)
    ).sum()
    off = exact.first_order(theta[None], f)[0] + (probs - 1 / C) * dropped
    expected = exact.rk2(theta[None], f, beta=beta)[0] + (2 * beta - 1) * off
    found = mean_over_codes("ReinMax-RK2-run", theta, weights, beta=beta)
    torch.testing.assert_close(found, expected)
    assert abs(float(found.sum())) < 1e-12
    printed = mean_over_codes("ReinMax-RK2", theta, weights, beta=beta)
    assert torch.allclose(found, printed) == (beta == 0.5)


@pytest.mark.parametrize("tau", [1.0, 0.5, 1.3])
def test_reinmax_equals_the_released_package_on_the_same_sample(tau: float) -> None:
    torch.manual_seed(3)
    logits = torch.randn(64, 6, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn(64, 6, dtype=torch.float64)
    theirs, _ = released_reinmax(logits, tau)
    (expected,) = torch.autograd.grad(theirs, logits, cotangent)
    log_probs = logits.detach().log_softmax(-1)[None]
    sample = Sample(log_probs, torch.zeros_like(log_probs), theirs.detach()[None], Streams([None]))
    torch.testing.assert_close(reinmax.function(cotangent[None], sample, tau=tau)[0], expected)


def test_gapped_leaves_a_gap_and_needs_no_move_when_there_is_one() -> None:
    """Where D already leads by more than the gap, the estimate is plain straight-through."""
    theta = torch.tensor([[[3.0, 0.0, 1.0]]], dtype=torch.float64)
    log_probs = theta.log_softmax(-1)
    cotangent = torch.tensor([[[0.3, -1.0, 2.0]]], dtype=torch.float64)
    results = {}
    for name in ("GST-1.0", "ST"):
        estimator = estimators.get(name)
        assert isinstance(estimator, Pathwise)
        for winner in (0, 1):
            one_hot = torch.eye(3, dtype=torch.float64)[winner].view(1, 1, 3)
            sample = Sample(log_probs, torch.zeros_like(theta), one_hot, Streams([None]))
            results[name, winner] = estimator.function(cotangent, sample, tau=0.5)
    torch.testing.assert_close(results["GST-1.0", 0], results["ST", 0])
    moved = torch.tensor([2.0, 3.0, 1.0], dtype=torch.float64).div(0.5).softmax(-1)
    weighted = moved * cotangent
    torch.testing.assert_close(
        results["GST-1.0", 1], (weighted - moved * weighted.sum(-1, keepdim=True)) / 0.5
    )


def test_conditional_gumbels_have_the_law_of_rejection_sampling() -> None:
    """Two-sample Kolmogorov–Smirnov on each of 4 categories × 4 winners, 1e-5 a test; a wrong one
    fails.
    """
    torch.manual_seed(4)
    theta = torch.tensor([0.4, -0.7, 1.1, 0.0], dtype=torch.float64)
    count = 200_000
    gumbels = draw(theta.expand(1, count, 4), Streams.derive([0], "rejection"))
    free = gumbels.log_probs[0] + gumbels.gumbel[0]
    worst, control = 0.0, 0.0
    for winner in range(4):
        accepted = free[free.argmax(-1) == winner]
        one_hot = torch.eye(4, dtype=torch.float64)[winner].expand(1, len(accepted), 4)
        probs = theta.softmax(-1).expand(1, len(accepted), 4)
        ours = conditional_gumbels(probs, one_hot, 1, Streams.derive([winner], "ours"))[0, ..., 0]
        assert (ours.argmax(-1) == winner).all()
        unnormalised = conditional_gumbels(
            3.0 * probs, one_hot, 1, Streams.derive([winner], "ours")
        )[0, ..., 0]
        critical = 2.47 * (2 / len(accepted)) ** 0.5  # sqrt(−½ log(1e-5 / 2)) = 2.47
        for category in range(4):
            worst = max(worst, ks(accepted[:, category], ours[:, category]) / critical)
            control = max(control, ks(accepted[:, category], unnormalised[:, category]) / critical)
    assert 0 < worst < 1 < control


def ks(a: Tensor, b: Tensor) -> float:
    """The two-sample Kolmogorov–Smirnov distance."""
    points = torch.cat((a, b)).sort().values
    cdf = [torch.searchsorted(x.sort().values, points, right=True) / len(x) for x in (a, b)]
    return float((cdf[0] - cdf[1]).abs().max())


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_gumbel_rao_has_the_mean_of_stgs_and_a_smaller_variance(tau: float) -> None:
    """|z| < 5 on 100,000 draws, 5 coordinates: false alarm 3e-6. STGS at another τ must fail."""
    theta, weights = CASES[0]
    count = 100_000

    def grads(name: str, **hyper: float) -> Tensor:
        leaf = theta.expand(1, count, 1, C).clone().requires_grad_()
        result = estimators.get(name).surrogate(
            leaf, smooth(weights), Streams.derive([8], name), **hyper
        )
        (out,) = torch.autograd.grad(result.surrogate.sum(), leaf)
        return out[0, :, 0]

    stgs, rao, other = (
        grads("STGS", tau=tau),
        grads("Gumbel-Rao", tau=tau, draws=16),
        grads("STGS", tau=tau / 2),
    )
    assert z_score(stgs, rao) < 5 < z_score(other, rao)
    assert (rao.var(0) < stgs.var(0)).all()
    assert (rao.var(0) > 0).all()


def z_score(a: Tensor, b: Tensor) -> float:
    error = (a.var(0) / len(a) + b.var(0) / len(b)).sqrt()
    return float(((a.mean(0) - b.mean(0)) / error).abs().max())


def test_conditional_vjp_is_the_mean_of_the_jacobians() -> None:
    """Against J_τ = (diag(s) − s sᵀ)/τ written out, on the same noise."""
    torch.manual_seed(5)
    probs = torch.randn(2, 3, 4, dtype=torch.float64).softmax(-1)
    one_hot = torch.eye(4, dtype=torch.float64)[torch.tensor([[0, 1, 2], [3, 3, 0]])]
    cotangent = torch.randn(2, 3, 4, dtype=torch.float64)
    tau = torch.tensor([0.4, 1.7], dtype=torch.float64).view(2, 1, 1)
    ours = conditional_softmax_vjp(
        cotangent, one_hot, probs, tau, 6, Streams.derive([0, 1], "noise")
    )
    y = conditional_gumbels(probs, one_hot, 6, Streams.derive([0, 1], "noise"))
    s = (y / tau[..., None]).softmax(-2).mT  # [R, B, K, C]
    jacobian = (torch.diag_embed(s) - s[..., :, None] * s[..., None, :]).mean(2) / tau[..., None]
    torch.testing.assert_close(ours, (cotangent[..., None, :] @ jacobian)[..., 0, :])


@pytest.mark.parametrize("name", ["Gumbel-Rao-differentiated", "ReinMax-CV-differentiated"])
def test_total_derivative_is_that_of_equation_7(name: str) -> None:
    """Against autograd through Eq. 7 as printed, on the same exponential noise."""
    theta, weights = CASES[3]
    sample = draw(theta.expand(1, 3, C), Streams.derive([0], "forward"))
    cotangent = slopes(weights)[sample.one_hot.argmax(-1)]
    tau, draws = 0.7, 4
    at = (
        sample.log_probs
        if name.startswith("Gumbel")
        else ((sample.probs + sample.one_hot) / 2).log()
    )
    leaf = (at + 0.4).requires_grad_()  # Eq. 7 takes logits that are not normalised
    noise = Streams.derive([1], "backward").exponential_(theta.new_empty(1, 3, C, draws))
    drawn = sample.one_hot[..., None] > 0
    own = (noise * drawn).sum(-2, keepdim=True)
    total = leaf.exp().sum(-1, keepdim=True)[..., None]
    y = torch.where(
        drawn, total.log() - own.log(), -(noise / leaf.exp()[..., None] + own / total).log()
    )
    relaxed = (y / tau).softmax(-2).mean(-1)
    (expected,) = torch.autograd.grad((relaxed * cotangent).sum(), leaf)
    fresh = Sample(sample.log_probs, sample.gumbel, sample.one_hot, Streams.derive([1], "backward"))
    if name.startswith("Gumbel"):
        found = run_vjp(name, cotangent, fresh, tau=tau, draws=draws)
    else:
        stgs = softmax_vjp(((at + sample.gumbel) / tau).softmax(-1), cotangent) / tau
        base = run_vjp("ReinMax", cotangent, fresh, tau=1.0)
        found = run_vjp(name, cotangent, fresh, tau=tau, draws=draws, eta=1.0) - base + stgs
    torch.testing.assert_close(found, expected)


def test_only_without_that_derivative_is_gumbel_raos_mean_that_of_stgs() -> None:
    """Paired on D, 200,000 draws: |z| < 5 (false alarm 3e-6) where it is left out, > 8 where it is
    taken.
    """
    theta, weights = CASES[0]
    sample = draw(theta.expand(1, 200_000, C), Streams.derive([3], "forward"))
    cotangent = slopes(weights)[sample.one_hot.argmax(-1)]
    stgs = run_vjp("STGS", cotangent, sample, tau=0.7)
    for name, agree in (("Gumbel-Rao", True), ("Gumbel-Rao-differentiated", False)):
        gap = run_vjp(name, cotangent, sample, tau=0.7, draws=4)[0] - stgs[0]
        z = float((gap.mean(0) / (gap.std(0) / 200_000**0.5)).abs().max())
        assert z < 5 if agree else z > 8


def test_scaled_readings_at_unit_temperature_are_the_plain_ones() -> None:
    """ST and ReinMax with and without 1/τ, and Eq. 16 to the letter, part only where τ ≠ 1."""
    theta, weights = CASES[4]
    sample = draw(theta.expand(1, 50, C), Streams.derive([3], "forward"))
    cotangent = slopes(weights)[sample.one_hot.argmax(-1)]
    for base, name in (
        ("ST", "ST-unscaled"),
        ("ReinMax", "ReinMax-scaled"),
        ("ReinMax", "ReinMax-Eq16"),
    ):
        plain, reading = (run_vjp(n, cotangent, sample, tau=1.0) for n in (base, name))
        torch.testing.assert_close(reading, plain)
        plain, reading = (run_vjp(n, cotangent, sample, tau=1.3) for n in (base, name))
        assert not torch.allclose(reading, plain, rtol=1e-3)
    torch.testing.assert_close(
        run_vjp("ST-unscaled", cotangent, sample, tau=1.3),
        1.3 * run_vjp("ST", cotangent, sample, tau=1.3),
    )


def run_vjp(name: str, cotangent: Tensor, sample: Sample, **hyper: float) -> Tensor:
    """The estimate of a pathwise estimator for this sample."""
    estimator = estimators.get(name)
    assert isinstance(estimator, Pathwise)
    out: Tensor = estimator.function(cotangent, sample, **hyper)
    return out


def test_readings_of_reinmax_rao_and_cv_differ_only_as_described() -> None:
    """On one sample and the same conditional noise, from the printed terms computed on
    their own.
    """
    theta, weights = CASES[1]
    sample = draw(theta.expand(1, 400, C), Streams.derive([0], "forward"))
    cotangent = slopes(weights)[sample.one_hot.argmax(-1)]
    tau, tau_d, eta = 0.7, 1.4, 0.6

    def jvp(p: Tensor) -> Tensor:
        return p * (cotangent - (p * cotangent).sum(-1, keepdim=True))

    def run(name: str, **hyper: float) -> Tensor:
        estimator = estimators.get(name)
        assert isinstance(estimator, Pathwise)
        fresh = Sample(
            sample.log_probs, sample.gumbel, sample.one_hot, Streams.derive([1], "backward")
        )
        out: Tensor = estimator.function(cotangent, fresh, draws=4, tau=tau, **hyper)
        return out

    probs, tempered = sample.probs, sample.tempered(tau)
    middle, middle_d = (probs + sample.one_hot) / 2, (sample.tempered(tau_d) + sample.one_hot) / 2

    def rao(at: Tensor) -> Tensor:
        streams = Streams.derive([1], "backward")
        return conditional_softmax_vjp(cotangent, sample.one_hot, at, tau, 4, streams)

    def stgs(at: Tensor) -> Tensor:
        return jvp(((at.log() + sample.gumbel) / tau).softmax(-1)) / tau

    reinmax_1 = 2 * jvp(middle) - jvp(probs) / 2
    reinmax_d = 2 * jvp(middle_d) - jvp(probs) / 2
    terms, terms_d = stgs(middle) - rao(middle), stgs(middle_d) - rao(middle_d)
    relaxed = ((sample.log_probs + sample.gumbel) / tau).softmax(-1)
    expected = {
        "ReinMax-Rao": 2 * rao(middle) - jvp(tempered) / tau / 2,
        "ReinMax-Rao-run": 2 * rao(middle) - jvp(probs) / 2,
        "ReinMax-Rao-Eq17": 2 * rao(middle) - jvp((middle.log() / tau).softmax(-1)) / tau / 2,
        "ReinMax-CV": reinmax_1 - eta * terms,
        "ReinMax-CV-run": (
            reinmax_1 - eta * (jvp((middle.log() + relaxed).softmax(-1)) / tau - rao(middle))
        ),
        "ReinMax-CV-exchanged": reinmax_1 + eta * terms,
        "ReinMax-CV-factor2": reinmax_1 - 2 * eta * terms,
        "ReinMax-Rao-tempered": 2 * rao(middle_d) - jvp(tempered) / tau / 2,
        "ReinMax-CV-tempered": reinmax_d - eta * terms_d,
        "ReinMax-CV-exchanged-tempered": reinmax_d + eta * terms_d,
    }
    for name, value in expected.items():
        hyper = {} if "Rao" in name else {"eta": eta}
        hyper |= {"tau_d": tau_d} if "tempered" in name else {}
        torch.testing.assert_close(run(name, **hyper), value)


@pytest.mark.parametrize(
    ("name", "base"),
    [("ReinMax-CV-matched", 1.0), ("ReinMax-CV-matched-tempered", 1.4), ("ReinMax-CV", None)],
)
def test_matched_control_variate_adds_no_bias_and_the_printed_one_does(
    name: str, base: float | None
) -> None:
    """Mean difference to ReinMax at the base temperature, paired on D: |z| < 5 (3e-6) or > 8."""
    theta, weights = CASES[2]
    sample = draw(theta.expand(1, 100_000, C), Streams.derive([3], "forward"))
    cotangent = slopes(weights)[sample.one_hot.argmax(-1)]
    estimator = estimators.get(name)
    assert isinstance(estimator, Pathwise)
    tempered = {"tau_d": base} if "tempered" in name else {}
    found = estimator.function(cotangent, sample, tau=0.7, eta=1.0, draws=4, **tempered)
    gap = found - reinmax.function(cotangent, sample, tau=base or 1.0)
    z = float((gap[0].mean(0) / (gap[0].std(0) / 100_000**0.5)).abs().max())
    assert z < 5 if base else z > 8


def mean_of_two_categories(
    name: str, theta: Tensor, slope: Tensor, tau: float, eta: float
) -> float:
    """First coordinate of E[estimate] for θ `[2]` and f′(I_i) `[2, 2]`, by quadrature over the
    noise.

    Of two categories θ + G matters through the difference x of its entries alone, which is logistic
    about θ_1 − θ_2, and D is the first where x > 0. The estimate's second coordinate is minus the
    first.
    """
    shift, probs = float(theta[0] - theta[1]), theta.softmax(-1)

    def jacobian(x: float, tau: float = 1.0) -> float:
        p = expit(x / tau)
        return float(p * (1 - p) / tau)

    def part(drawn: int) -> float:
        """E[estimate over f′'s rise; D = I_drawn]."""
        ends = (0.0, 60.0) if drawn == 0 else (-60.0, 0.0)
        chance = float(probs[drawn])
        middle = (float(probs[0]) + (1 - drawn)) / 2
        at = math.log(middle / (1 - middle))

        def integral(value: Callable[[float], float], centre: float) -> float:
            """∫ value(x) dP(x) over x of this D, logistic about `centre`."""
            return float(
                quad(lambda x: value(x) * logistic.pdf(x - centre), *ends, epsabs=1e-11, limit=200)[
                    0
                ]
            )

        assert math.isclose(integral(lambda x: 1.0, shift), chance, abs_tol=1e-9)
        rao = chance * integral(lambda y: jacobian(y, tau), at) / integral(lambda y: 1.0, at)
        last = chance * jacobian(shift, tau if name == "ReinMax-Rao" else 1.0) / 2
        if name.startswith("ReinMax-Rao"):
            return 2 * rao - last
        stgs = (
            integral(lambda x: jacobian(at + 2 * expit(x / tau) - 1) / tau, shift)
            if name.endswith("-run")
            else integral(lambda x: jacobian(at + x - shift, tau), shift)
        )
        return 2 * chance * jacobian(at) - last - eta * stgs + eta * rao

    return sum(float(slope[drawn, 0] - slope[drawn, 1]) * part(drawn) for drawn in (0, 1))


@pytest.mark.parametrize("tau", [0.5, 1.3])
@pytest.mark.parametrize("base", ["ReinMax-Rao", "ReinMax-CV"])
def test_mean_as_printed_and_as_run_by_quadrature(base: str, tau: float) -> None:
    """|z| < 5 on 100,000 draws (false alarm 6e-7) for the one, > 8 for the other."""
    theta = torch.tensor([0.4, -0.5], dtype=torch.float64)
    slope = torch.tensor([[1.7, -0.4], [0.3, 0.9]], dtype=torch.float64)
    sample = draw(theta.expand(1, 100_000, 2), Streams.derive([4], "forward"))
    cotangent = slope[sample.one_hot.argmax(-1)]
    eta = 1.5
    hyper = {"eta": eta} if base == "ReinMax-CV" else {}
    names = (base, f"{base}-run")
    truth = {name: mean_of_two_categories(name, theta, slope, tau, eta) for name in names}
    for name in names:
        found = run_vjp(name, cotangent, sample, tau=tau, draws=8, **hyper)[0]
        torch.testing.assert_close(found[:, 0], -found[:, 1])
        error = float(found[:, 0].std() / len(found) ** 0.5)
        z = {other: abs(float(found[:, 0].mean()) - truth[other]) / error for other in names}
        assert error > 0
        assert z[name] < 5, z
        assert all(value > 8 for other, value in z.items() if other != name), z
