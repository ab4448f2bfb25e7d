"""The loss at all codes against autograd through the model, and exact gradients made from it."""

import pytest
import torch
from torch import Tensor

from reinrelax.core.types import LatentShape
from reinrelax.errors import InputError
from reinrelax.estimators import exact
from reinrelax.vae.autoencoder import DiscreteVAE
from reinrelax.vae.enumerated import EnumeratedLoss

REPLICA = 1
C, L, B = 3, 2, 5


def double_vae() -> DiscreteVAE:
    """Two replicas in float64, with wider weights than at the start of a training."""
    vae = DiscreteVAE(LatentShape(C, L), [0, 1])
    for layer in vae.stack.layers:
        for name in ("weight", "bias", "weight_grad", "bias_grad"):
            setattr(layer, name, 2 * getattr(layer, name).double())
    return vae


@pytest.fixture(scope="module")
def vae() -> DiscreteVAE:
    return double_vae()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(B, 784, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def loss(vae: DiscreteVAE, images: Tensor) -> EnumeratedLoss:
    """Blocks that divide neither the codes nor the directions."""
    return EnumeratedLoss(vae, REPLICA, images, chunk=25)


def f(vae: DiscreteVAE, images: Tensor, points: Tensor) -> Tensor:
    """The model's own loss of every image at every point `[M, L, C]`, in their precision,
    `[B, M]`.
    """
    codes = points.expand(2, *points.shape)
    return torch.stack(
        [
            vae.reconstruction_of_codes(image.expand(2, len(points), -1), codes)[REPLICA]
            for image in images
        ]
    )


def test_the_losss_two_maps_agree(images: Tensor) -> None:
    """The one that training takes and the one that may be differentiated any number of times, in
    float32.
    """
    vae, points = (
        DiscreteVAE(LatentShape(C, L), [0, 1]),
        torch.eye(C).expand(2, B, L, C, C)[..., 1].contiguous(),
    )
    both = images.float().expand(2, -1, -1)
    torch.testing.assert_close(
        vae.reconstruction(both, points),
        vae.reconstruction_of_codes(both, points),
        rtol=1e-6,
        atol=1e-4,
    )


def test_values_and_slopes_are_the_models(
    vae: DiscreteVAE, images: Tensor, loss: EnumeratedLoss
) -> None:
    leaf = loss.codes.clone().requires_grad_()
    value = f(vae, images, leaf)
    slopes = torch.stack(
        [torch.autograd.grad(row.sum(), leaf, retain_graph=True)[0] for row in value]
    )
    assert loss.value.shape == (B, C**L)
    assert loss.slope.shape == (B, C**L, L, C)
    torch.testing.assert_close(loss.value, value.detach(), rtol=1e-12, atol=1e-10)
    torch.testing.assert_close(loss.slope, slopes, rtol=1e-10, atol=1e-10)
    # Neither would pass for the other replica, or with the images in another order.
    other = EnumeratedLoss(vae, 0, images)
    assert (other.value - value).abs().min() > 1e-3
    assert (other.slope - slopes).abs().max() > 1e-3
    assert (loss.value.flip(0) - value)[0].abs().min() > 1e-3


def test_float32_stays_close(images: Tensor) -> None:
    single = DiscreteVAE(LatentShape(8, 3), [0])
    enumerated = EnumeratedLoss(single, 0, images)
    assert enumerated.value.dtype == enumerated.slope.dtype == torch.float32
    double = DiscreteVAE(LatentShape(8, 3), [0])
    for layer in double.stack.layers:
        layer.weight, layer.bias = layer.weight.double(), layer.bias.double()
    reference = EnumeratedLoss(double, 0, images)
    torch.testing.assert_close(enumerated.value.double(), reference.value, rtol=1e-6, atol=0)
    torch.testing.assert_close(enumerated.slope.double(), reference.slope, rtol=1e-3, atol=1e-4)


def test_derivatives_along_directions_between_codes(
    vae: DiscreteVAE, images: Tensor, loss: EnumeratedLoss
) -> None:
    """First by autograd, second by central differences of the first within a linear region."""
    noise = torch.Generator().manual_seed(3)
    points, directions = torch.randn(2, 31, L, C, generator=noise, dtype=torch.float64)
    first, second = loss.along(points, directions)
    leaf = points.clone().requires_grad_()
    value = f(vae, images, leaf)
    slopes = torch.stack(
        [torch.autograd.grad(row.sum(), leaf, retain_graph=True)[0] for row in value]
    )
    torch.testing.assert_close(first, (slopes * directions).sum((-2, -1)), rtol=1e-10, atol=1e-10)
    step = 1e-7
    after, before = (
        loss.along(points + sign * step * directions, directions)[0] for sign in (1, -1)
    )
    differences = (after - before) / (2 * step)
    torch.testing.assert_close(differences, second.expand(B, -1), rtol=1e-4, atol=1e-4)
    assert second.min() > 1e-2


def test_index_is_the_inverse_of_the_codes(loss: EnumeratedLoss) -> None:
    order = torch.randperm(C**L, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loss.index(loss.codes[order].view(3, 3, L, C)), order.view(3, 3))


def test_exact_gradient_from_the_table(
    vae: DiscreteVAE, images: Tensor, loss: EnumeratedLoss
) -> None:
    """Against autograd through Σ_n π(n) f(n) written out, and central differences of the model's
    own loss.
    """
    logits = torch.randn(B, L, C, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rows = torch.arange(B)
    ours = exact.gradient(logits, lambda z: loss.value[rows, loss.index(z)])

    def expected_loss(theta: Tensor, values: Tensor) -> Tensor:
        probs = theta.softmax(-1)
        joint = probs[:, 0, :, None] * probs[:, 1, None, :]
        return (joint.flatten(1) * values).sum()

    leaf = logits.clone().requires_grad_()
    (through,) = torch.autograd.grad(expected_loss(leaf, loss.value), leaf)
    torch.testing.assert_close(ours, through, rtol=1e-10, atol=1e-10)
    values, step, central = f(vae, images, loss.codes).detach(), 1e-5, torch.empty_like(logits)
    for place in torch.cartesian_prod(torch.arange(B), torch.arange(L), torch.arange(C)):
        shift = torch.zeros_like(logits)
        shift[tuple(place)] = step
        change = expected_loss(logits + shift, values) - expected_loss(logits - shift, values)
        central[tuple(place)] = change / (2 * step)
    torch.testing.assert_close(ours, central, rtol=1e-6, atol=1e-6)
    assert ours.abs().max() > 1e-2


def test_images_of_another_shape_are_refused(vae: DiscreteVAE) -> None:
    with pytest.raises(InputError, match=r"images must be \[B, 784\]; got \[2, 28, 28\]"):
        EnumeratedLoss(vae, 0, torch.zeros(2, 28, 28))
