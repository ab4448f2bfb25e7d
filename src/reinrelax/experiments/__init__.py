"""Experiments: they turn settings into tidy tables and records; they neither judge nor draw."""
