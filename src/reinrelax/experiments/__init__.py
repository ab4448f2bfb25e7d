"""Experiments: settings in, tidy table out. They compute and record; they neither judge nor draw."""
