"""Sort keys for names."""

import re


def natural_sort_key(name: str) -> list[str | int]:
    """A key that sorts numbers in names by value: 7 群 before 12 群."""
    return [int(x) if n % 2 else x for n, x in enumerate(re.split(r"([0-9]+)", name))]
