"""The released library of *Just Relax It!*, compared with the distributions of this project."""
