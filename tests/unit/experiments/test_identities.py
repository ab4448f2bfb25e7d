"""What the identities say by enumeration, and the exact mean that they rest on."""

import math

import pytest
import torch
from torch import Tensor

from reinrelax.config.declared import COLUMNS
from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.estimators import exact, get
from reinrelax.estimators.base import Pathwise, draw
from reinrelax.estimators.gumbel import conditional_gumbels
from reinrelax.experiments.identities import measure as identities

SHAPES = [(4, 1), (3, 2), (3, 3)]
BETAS = (-0.2, 0.0, 0.25, 0.5, 1.0, 1.2)
TAUS = (0.5, 1.0, 1.3)
EXACT = 1e-10

Found = dict[tuple[object, ...], float]


@pytest.fixture(scope="module")
def rows() -> list[identities.Row]:
    return identities.measure(shapes=SHAPES, betas=BETAS, taus=TAUS, functions=20)


@pytest.fixture(scope="module")
def found(rows: list[identities.Row]) -> Found:
    keys = ("identity", "categories", "latents", "beta", "tau", "quantity")
    out = {tuple(row[key] for key in keys): row["value"] for row in rows}
    assert len(out) == len(rows)
    return out  # type: ignore[return-value]


def of(found: Found, identity: str, quantity: str, **where: float) -> list[float]:
    """The values of one quantity, over all shapes."""
    values = [
        value
        for (name, _, _, beta, tau, q), value in found.items()
        if name == identity
        and q == quantity
        and where == {k: v for k, v in (("beta", beta), ("tau", tau)) if v is not None}
    ]
    assert len(values) in (1, len(SHAPES)), (identity, quantity, where)
    return values


def test_rows_are_tidy_and_repeat(rows: list[identities.Row]) -> None:
    assert all(set(row) <= set(COLUMNS["identities"]) for row in rows)
    assert all(math.isfinite(row["value"]) for row in rows)  # type: ignore[arg-type]
    again = identities.measure(shapes=SHAPES, betas=BETAS, taus=TAUS, functions=20)
    assert rows == again
    other = identities.measure(shapes=SHAPES, betas=BETAS, taus=TAUS, functions=20, seed=1)
    assert rows != other


def test_equations_8_10_and_13(found: Found) -> None:
    assert max(of(found, "Eq. 8", "deviation_max")) < EXACT
    assert max(of(found, "Eq. 10", "deviation_max", tau=1.0)) < EXACT
    assert max(of(found, "Eq. 13", "deviation_max", tau=1.0)) < EXACT
    assert min(of(found, "Eq. 13", "deviation_median", tau=0.5)) > 0.05
    assert min(of(found, "Eq. 13", "deviation_median", tau=1.3)) > 0.05


def test_equation_16_holds_with_unit_temperature_in_the_first_term(found: Found) -> None:
    for tau in TAUS:
        assert max(of(found, "Eq. 16, tau = 1 in the first term", "deviation_max", tau=tau)) < EXACT
    assert max(of(found, "Eq. 16, as printed", "deviation_max", tau=1.0)) < EXACT
    for tau in (0.5, 1.3):
        assert min(of(found, "Eq. 16, as printed", "deviation_median", tau=tau)) > 0.05


@pytest.mark.parametrize("beta", BETAS)
def test_theorem_1_holds_at_one_half_alone_and_its_corrections_everywhere(
    found: Found, beta: float
) -> None:
    if beta == 0.5:
        assert max(of(found, "Theorem 1", "deviation_max", beta=beta)) < EXACT
        assert min(of(found, "Theorem 1", "cosine_median", beta=beta)) == pytest.approx(1)
    else:
        assert min(of(found, "Theorem 1", "deviation_median", beta=beta)) > 0.01
        assert max(of(found, "Theorem 1", "cosine_median", beta=beta)) < 0.999
    for kind in ("term", "estimator"):
        assert max(of(found, f"Theorem 1, corrected {kind}", "deviation_max", beta=beta)) < EXACT


def test_the_gap_of_theorem_1_for_two_variables_by_loops() -> None:
    """Σ_others Σ_i with f′ by autograd at one code at a time; every code counts for both
    variables.
    """
    torch.manual_seed(0)
    weights = torch.randn(6, 5, dtype=torch.float64)
    logits = torch.randn(1, 2, 3, dtype=torch.float64)
    probs, eye, beta = logits.softmax(-1)[0], torch.eye(3, dtype=torch.float64), 0.8

    def f(z: Tensor) -> Tensor:
        return torch.tanh(2 * z.flatten(-2) @ weights).sum(-1)

    gap = torch.zeros(1, 2, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            code = torch.stack((eye[i], eye[j])).requires_grad_()
            (slope,) = torch.autograd.grad(f(code), code)
            for latent in range(2):
                inner = slope[latent] @ (code[latent].detach() - probs[latent])
                gap[0, latent] += (2 * beta - 1) * probs[latent] * probs[0, i] * probs[1, j] * inner
    estimator = get("ReinMax-RK2")
    assert isinstance(estimator, Pathwise)
    mean = exact.mean(estimator, logits, f, beta=beta)
    torch.testing.assert_close(mean - exact.rk2(logits, f, beta=beta), gap)
    assert gap.abs().max() > 0.01


def test_local_orders(found: Found) -> None:
    for alpha, order in (("1", 3), ("2/3", 4), ("1/2", 3), ("2", 3)):
        assert of(found, f"Eq. 23, alpha = {alpha}", "order") == [pytest.approx(order, abs=0.15)]
    for beta in BETAS:
        order = 3 if beta == 0.5 else 2
        assert of(found, "Eq. 23 to 24", "order", beta=beta) == [pytest.approx(order, abs=0.15)]


def test_equation_7_overflows_as_printed_and_not_when_normalised(found: Found) -> None:
    assert min(of(found, "Eq. 7, as printed", "share_not_finite")) > 0.1
    assert max(of(found, "Eq. 7, normalised", "share_not_finite")) == 0


def test_equation_7_as_printed_is_ours_where_nothing_overflows() -> None:
    """On the same noise, up to log Z(θ), which a softmax does not see."""
    theta = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(0))
    sample = draw(theta, Streams.derive([0, 1, 2], "D"))
    printed = identities._printed_equation7(theta, sample.one_hot, Streams.derive([0, 1, 2], "Y"))
    ours = conditional_gumbels(
        sample.probs, sample.one_hot, printed.shape[-1], Streams.derive([0, 1, 2], "Y")
    )
    torch.testing.assert_close(
        printed - theta.logsumexp(-1)[..., None, None], ours, rtol=1e-4, atol=1e-4
    )


def test_reinmax_is_less_biased_for_nearly_quadratic_functions_and_not_always(found: Found) -> None:
    shares = [
        of(found, f"bias of ReinMax below ST, f scaled by {scale:g}", "share", tau=1.0)
        for scale in identities.SCALES
    ]
    assert min(shares[0]) > 0.5
    assert min(min(values) for values in shares[1:]) < 1
    # With f scaled down to its quadratic part the second order is exact.
    case = identities._Case.random(20, 4, 2, torch.Generator().manual_seed(0))
    truth = exact.gradient(case.logits, lambda z: case.f(1e-3 * z))
    for name, near in (("ReinMax", True), ("ST", False)):
        estimator = get(name)
        assert isinstance(estimator, Pathwise)
        mean = exact.mean(estimator, case.logits, lambda z: case.f(1e-3 * z), tau=1.0)
        assert bool(((mean - truth).norm() / truth.norm()) < 1e-5) == near


@pytest.mark.parametrize(("name", "hyper"), [("ST", {"tau": 0.7}), ("ReinMax", {"tau": 1.3})])
def test_exact_mean_is_the_mean_of_draws(name: str, hyper: dict[str, float]) -> None:
    """|z| < 5 over 50,000 draws and 6 coordinates: false alarm 4e-6. The mean at another τ must
    fail.
    """
    case = identities._Case.random(1, 3, 2, torch.Generator().manual_seed(2))
    estimator = get(name)
    assert isinstance(estimator, Pathwise)
    count = 50_000
    leaf = case.logits.expand(count, 1, 2, 3).clone().requires_grad_()
    surrogate = estimator.surrogate(
        leaf[None], lambda z: case.f(z[0])[None], Streams.derive([0], "D"), **hyper
    )
    (grads,) = torch.autograd.grad(surrogate.surrogate.sum(), leaf)
    error = grads.std(0) / count**0.5
    z, other = (
        float(
            ((grads.mean(0) - exact.mean(estimator, case.logits, case.f, chunk=4, tau=tau)) / error)
            .abs()
            .max()
        )
        for tau in (hyper["tau"], 1.0)
    )
    assert z < 5 < other


def test_exact_mean_refuses_estimators_with_noise_of_their_own() -> None:
    logits = torch.zeros(1, 2, 3, dtype=torch.float64)
    for name, hyper in (
        ("Gumbel-Rao", {"tau": 1.0, "draws": 2}),
        ("ReinMax-CV", {"tau": 1.0, "eta": 1.0, "draws": 2}),
    ):
        estimator = get(name)
        assert isinstance(estimator, Pathwise)
        with pytest.raises(InputError, match="draws noise beside D"):
            exact.mean(estimator, logits, lambda z: z[..., 0].sum(-1), **hyper)
    stgs = get("STGS")
    assert isinstance(stgs, Pathwise)
    assert exact.mean(stgs, logits, lambda z: z[..., 0].sum(-1), tau=1.0).isnan().all()


def test_the_terms_of_equation_16_vary_as_by_hand() -> None:
    """Of one variable of four categories, Jacobians written out."""
    generator = torch.Generator().manual_seed(3)
    case = identities._Case.random(1, 4, 1, generator)
    probs, slopes = case.logits.softmax(-1)[0, 0], case.slope[:, 0, 0]
    tau = 0.7
    tempered = (case.logits[0, 0] / tau).softmax(-1)
    first, second = [], []
    for drawn, slope in zip(torch.eye(4, dtype=torch.float64), slopes, strict=True):
        for terms, at, scale in ((first, (tempered + drawn) / 2, 2 / tau), (second, probs, 0.5)):
            # θ_D = log of the middle, whose softmax at τ is that of its power 1/τ.
            law = (at.log() / tau).softmax(-1) if terms is first else at
            terms.append(scale * (torch.diag(law) - torch.outer(law, law)) @ slope)
    variances = []
    for terms in (first, second):
        values = torch.stack(terms)
        spread = values - probs @ values
        variances.append(float(probs @ spread.square().sum(-1)))
    (row,) = (
        row
        for row in identities._equation16(case, [tau])
        if (row["identity"], row["quantity"]) == ("Eq. 16, as printed", "variance_ratio")
    )
    assert row["value"] == pytest.approx(variances[0] / variances[1], rel=1e-9)
