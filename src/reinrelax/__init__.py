"""A replication of two papers on learning with discrete latent variables.

Docstrings call them paper A, *Just Relax It!* (Dorin et al., 2025), and paper B, *Beyond ReinMax*
(Wang and Bui, 2026). They use these letters in shapes: R replicas, B images of a batch, L latent
variables, C categories, K Monte Carlo draws, N images or codes, P parameters of one replica.
"""

__version__ = "0.1.0"
