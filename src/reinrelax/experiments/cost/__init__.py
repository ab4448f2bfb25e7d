"""Seconds an epoch."""
