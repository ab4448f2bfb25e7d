"""Lists of names in messages."""

from collections.abc import Sequence


def first_of(names: Sequence[str], most: int) -> str:
    """Join the first `most` names by commas, and say how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
