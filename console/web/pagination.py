"""Dividing a list into pages."""


def clamp_page(asked: str, count: int, per_page: int) -> tuple[int, int]:
    """(page, pages): the page asked for if there is one, else the nearest."""
    pages = max(1, -(-count // per_page))
    number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    return min(max(number, 1), pages), pages
