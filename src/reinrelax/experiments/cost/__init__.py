"""Seconds per epoch."""
