"""Speed of the replica engine, beside its bound and beside a plain PyTorch loop: `python -m benchmarks`."""
