"""What every contract starts from."""

from collections.abc import Iterator

import pytest
from torch.distributions import Distribution


@pytest.fixture(autouse=True)
def checks_of_values() -> Iterator[None]:
    """Torch's compiler, once used, turns them off for all laws of the process."""
    before = Distribution._validate_args
    yield
    Distribution.set_default_validate_args(before)
