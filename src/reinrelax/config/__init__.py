"""The configuration: read from a nested mapping, checked, and frozen."""
