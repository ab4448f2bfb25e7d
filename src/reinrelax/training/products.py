"""Which library multiplies float32 matrices on the CPU."""

import torch


def prefer_onednn() -> bool:
    """Let oneDNN rather than BLAS multiply float32 matrices on the CPU, where it does so in float32.

    torch's BLAS takes a slow path on processors that are not its maker's; oneDNN does not, and is there twice
    as fast. torch hands it float32 products only under the permission to round them to bfloat16, which oneDNN
    makes use of where the processor has bfloat16 matrix units and ignores elsewhere. So the permission is
    given on trial, and withdrawn unless the products keep float32's accuracy.

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
    """Whether batched products have float32's rounding errors, 65,536 times smaller than bfloat16's."""
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(2, 128, 256, generator=generator, dtype=torch.float32, device="cpu") for _ in range(2)
    )
    # The three layouts that a linear layer's forward and backward passes multiply.
    for a, b in ((left, right.mT), (left.mT, right), (left, right.mT.contiguous())):
        error = (torch.bmm(a, b).double() - torch.bmm(a.double(), b.double())).abs().max()
        scale = torch.bmm(a.double().abs(), b.double().abs()).max()
        if error > scale * 2.0**-18:
            return False
    return True
