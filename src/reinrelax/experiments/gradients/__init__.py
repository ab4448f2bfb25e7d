"""Bias and variance of gradient estimators, at snapshots of a training."""
