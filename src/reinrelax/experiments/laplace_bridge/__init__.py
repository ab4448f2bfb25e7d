"""The Laplace bridge."""
