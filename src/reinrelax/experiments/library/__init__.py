"""The released library of *Just Relax It!*, run beside the laws of this project."""
