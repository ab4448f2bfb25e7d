"""Softmax over short axes, and products with repeated matrices, beside torch's own."""

import pytest
import torch

from reinrelax.core.numerics import log_softmax, product_with_vectors, softmax


@pytest.mark.parametrize("categories", [2, 7, 15, 16, 40])
@pytest.mark.parametrize("offset", [0.0, -1000.0, 1000.0])
def test_softmax_and_its_gradient_are_torchs_whatever_the_offset(
    categories: int, offset: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, categories, generator=generator).mul_(5)
    x[0, 0, 1] = -torch.inf
    x = x + offset
    weights = torch.randn(x.shape, generator=generator)
    exact = x.double().softmax(-1)
    for ours, theirs in ((softmax, torch.softmax), (log_softmax, torch.log_softmax)):
        leaves = [x.clone().requires_grad_() for _ in range(2)]
        found = [ours(leaves[0]), theirs(leaves[1], -1)]
        torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)
        (found[0].nan_to_num(neginf=0.0) * weights).sum().backward()
        (found[1].nan_to_num(neginf=0.0) * weights).sum().backward()
        torch.testing.assert_close(leaves[0].grad, leaves[1].grad, rtol=1e-4, atol=1e-5)
    assert (softmax(x).sum(-1) - 1).abs().max() < 1e-6
    torch.testing.assert_close(softmax(x).double(), exact, rtol=1e-4, atol=1e-6)


def test_products_with_vectors_are_those_of_matrices_with_columns() -> None:
    generator = torch.Generator().manual_seed(0)
    single = torch.randn(3, 4, generator=generator)
    several = torch.randn(5, 2, 3, 4, generator=generator)
    matrices = {
        "one": single,
        "one, repeated": single.expand(5, 2, 3, 4),
        "one, with leading axes": single[None, None],
        "one for each vector": several,
        "some repeated": several[:1].expand(5, 2, 3, 4),
    }
    vectors = torch.randn(5, 2, 4, generator=generator)
    for name, matrix in matrices.items():
        expected = (matrix @ vectors[..., None])[..., 0]
        torch.testing.assert_close(product_with_vectors(matrix, vectors), expected, msg=name)
    empty = single.expand(0, 2, 3, 4)
    assert product_with_vectors(empty, torch.zeros(0, 2, 4)).shape == (0, 2, 3)
    leaf = single.clone().requires_grad_()
    product_with_vectors(leaf.expand(5, 2, 3, 4), vectors).sum().backward()
    torch.testing.assert_close(leaf.grad, vectors.sum((0, 1)).expand(3, 4))
