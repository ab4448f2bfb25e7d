"""Memory that is made or handed on: what it is, stated; and processes that are forked."""

import ast
import os
import subprocess
import sys

import pytest
import torch

from reinrelax.core.rng import Streams
from reinrelax.errors import InputError
from reinrelax.kernels import native
from tests.conftest import DEADLINE, ROOT

SOURCE = ROOT / "src/reinrelax"
FACTORIES = {
    "arange",
    "empty",
    "eye",
    "full",
    "linspace",
    "ones",
    "rand",
    "randn",
    "tensor",
    "zeros",
}
PARTS = ("kernels", "core", "estimators", "distributions", "latents", "rl", "training", "vae")


def test_every_buffer_states_dtype_and_device() -> None:
    """A default dtype or device is the user's to choose: C and Triton take memory for what they
    were told.
    """
    found, silent = 0, []
    for path in (p for part in PARTS for p in (SOURCE / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if not (isinstance(called, ast.Attribute) and ast.unparse(called.value) == "torch"):
                continue
            if called.attr in FACTORIES and isinstance(node, ast.Call):
                found += 1
                if not {"dtype", "device"} <= {keyword.arg for keyword in node.keywords}:
                    silent.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert found > 20
    assert silent == []


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(4, 3, dtype=torch.float64),
        torch.zeros(4, 3, device="meta"),
        torch.zeros(3, 4).mT,
        torch.zeros(3).expand(4, 3),
        torch.zeros(12),
        torch.zeros(4, 3).to_sparse(),
        torch._neg_view(torch.zeros(4, 3)),
    ],
)
def test_what_c_would_take_for_something_else_is_refused(tensor: torch.Tensor) -> None:
    assert native.check(native.buffer(4, 3), (4, 3)).shape == (4, 3)
    with pytest.raises(
        InputError, match=r"compiled kernels take contiguous torch.float32 \[4, 3\]"
    ):
        native.check(tensor, (4, 3))


def test_noise_is_drawn_for_every_replica_and_never_in_sixteen_bits() -> None:
    streams = Streams.derive([1, 2], "x")
    for fill in (streams.uniform_, streams.exponential_, streams.normal_):
        with pytest.raises(InputError, match="noise is drawn in float32 or float64"):
            fill(torch.empty(2, 5, dtype=torch.bfloat16))
        with pytest.raises(InputError, match="2 streams for 3 replicas"):
            fill(torch.empty(3, 5))
    with pytest.raises(InputError, match="2 streams for 3 replicas"):
        list(streams.split(torch.empty(3, 5)))


@pytest.mark.parametrize("fill", ["uniform_", "exponential_", "normal_"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_does_not_depend_on_the_layout(fill: str, dtype: torch.dtype) -> None:
    def drawn(out: torch.Tensor) -> torch.Tensor:
        noise: torch.Tensor = getattr(Streams.derive([1, 2], "x"), fill)(out)
        return noise

    expected = drawn(torch.empty(2, 5, 7, dtype=dtype))
    assert torch.equal(drawn(torch.empty(2, 7, 5, dtype=dtype).mT), expected)
    assert torch.equal(drawn(torch.empty(2, 5, 14, dtype=dtype)[..., ::2]), expected)


FORK = """
import os, signal, sys
import torch
from reinrelax.estimators import conditional, gumbel_rao

def gradient():
    logits = torch.linspace(-1, 1, 256).view(64, 4).requires_grad_()
    gumbel_rao(logits, draws=20, generator=torch.Generator().manual_seed(1))[:, 0].sum().backward()
    return logits.grad

torch.set_num_threads(2)
expected = gradient()
if sys.argv[1] == "hangs":
    conditional._pool = type("Pool", (), {"cache_info": lambda self: type("Info", (), {"currsize": 0})})()
child = os.fork()
if child == 0:
    signal.alarm(int(sys.argv[2]))
    os._exit(0 if torch.equal(gradient(), expected) else 3)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize(
    ("kind", "seconds", "status"), [("works", DEADLINE, "0"), ("hangs", 5, "14")]
)
def test_a_forked_child_has_a_backward_pass_of_its_own(
    kind: str, seconds: int, status: str
) -> None:
    """After one of its parent's with two threads; and without what resets them it waits until the
    alarm.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, kind, str(seconds)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=True,
    )
    assert done.stdout.strip() == status, done.stderr
