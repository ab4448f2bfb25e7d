"""The discrete VAEs of *Beyond ReinMax*."""
