"""Shared infrastructure that is independent of the papers."""
