"""Theorem 1 and the equations around it, by enumeration."""
