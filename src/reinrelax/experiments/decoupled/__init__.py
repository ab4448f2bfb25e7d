"""Decoupled temperatures."""
