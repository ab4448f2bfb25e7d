"""Choice of the library that multiplies float32 matrices on the CPU."""

import torch


def prefer_onednn() -> bool:
    """Use oneDNN instead of BLAS for float32 products on the CPU, if it computes them in float32.

    torch's BLAS takes a slow path on processors of other vendors, where oneDNN is twice as fast.
    But torch passes float32 products to oneDNN only if rounding to bfloat16 is allowed, and oneDNN
    rounds on processors with bfloat16 matrix units. This function therefore allows it, tests
    products, and reverts the setting if they are less accurate than float32.

    Returns:
        Whether oneDNN is used.
    """
    settings = getattr(getattr(torch.backends, "mkldnn", None), "matmul", None)
    if settings is None or not torch.backends.mkldnn.is_available():
        return False
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    if _is_float32():
        return True
    settings.fp32_precision = before
    return False


def _is_float32() -> bool:
    """Check that batched products have float32's rounding errors, 65,536 times below bfloat16's."""
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(2, 128, 256, generator=generator, dtype=torch.float32, device="cpu")
        for _ in range(2)
    )
    # The three layouts in the forward and backward passes of a linear layer.
    for a, b in ((left, right.mT), (left.mT, right), (left, right.mT.contiguous())):
        error = (torch.bmm(a, b).double() - torch.bmm(a.double(), b.double())).abs().max()
        scale = torch.bmm(a.double().abs(), b.double().abs()).max()
        if error > scale * 2.0**-18:
            return False
    return True
