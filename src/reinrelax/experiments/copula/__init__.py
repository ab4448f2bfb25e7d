"""The correlated Bernoulli of *Just Relax It!*."""
