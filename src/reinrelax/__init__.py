"""Replication of *Just Relax It!* (paper A) and *Beyond ReinMax* (paper B).

Shape letters used in every docstring: R replicas, B batch, L latent variables, C categories,
K Monte Carlo draws, N images or codes, P parameters of one replica.
"""

__version__ = "0.1.0"
