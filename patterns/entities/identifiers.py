"""Tell a real number or site from a look-alike: check characters, public suffixes, the known-good list.

The two checksums (GB 11643, GB 32100) are a few lines of our own: python-stdnum has them, but rejects an
example of the standard itself.
"""

import re
from datetime import date
from functools import cache, lru_cache
from posixpath import normpath

from publicsuffixlist import PublicSuffixList

from patterns.data.trusted import DOMAINS, NUMBERS, OPEN_TO_ANYONE, SUFFIXES
from patterns.entities.masking import split_link

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LICENCE = "0123456789abcdefghjklmnpqrtuwxy"


def is_hotline(number: str) -> bool:
    """Whether the digits are a known-good public number."""
    return number in NUMBERS


def is_id_number(value: str) -> bool:
    """Whether 18 characters are a resident identity number: birth date and check character (GB 11643)."""
    if not re.fullmatch(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9xX]", value):
        return False
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    total = sum(w * int(d) for w, d in zip(_ID_WEIGHTS, value[:17], strict=True))
    return "10x98765432"[total % 11] == value[17].lower()


def is_licence_number(value: str) -> bool:
    """Whether 18 characters are a unified social credit code: form and check character (GB 32100)."""
    code = value.lower()
    if not re.fullmatch(rf"[{_LICENCE}]{{2}}[0-9]{{6}}[{_LICENCE}]{{10}}", code):
        return False
    total = sum(pow(3, place, 31) * _LICENCE.index(char) for place, char in enumerate(code[:17]))
    return _LICENCE[-total % 31] == code[17]


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@lru_cache(maxsize=4096)
def is_tld(label: str) -> bool:
    """Whether a label is a top-level domain that exists."""
    return _suffixes().publicsuffix(label) == label


def registrable(host: str) -> str | None:
    """The part of a host that somebody registered ("gov.cn.example.net" -> "example.net"), or None."""
    name: str | None = _suffixes().privatesuffix(host.strip(".").lower())
    return name


def known_good_name(value: str) -> str | None:
    """The owner of a known-good number or link (defanged or not, by its registered domain), else None."""
    if value in NUMBERS:
        return NUMBERS[value]
    _, host, path = split_link(value)
    host = host.lower().partition(":")[0].strip(".")
    for suffix, name in SUFFIXES.items():
        if host == suffix or host.endswith("." + suffix):
            return name
    owner = DOMAINS.get(registrable(host) or host)
    return None if owner is None or _is_open_to_anyone(host, path) else owner


@cache
def _open_places() -> re.Pattern[str]:
    places = "|".join(re.escape(place).replace(r"\*", "[^./]*") for place in OPEN_TO_ANYONE)
    return re.compile(rf"(?:[^/]*\.)?(?:{places})(?:/|$)")


def _is_open_to_anyone(host: str, rest: str) -> bool:
    """Whether anyone may publish at this place of a good domain; the path is read as a server reads it."""
    path = re.split(r"[?#]", rest, maxsplit=1)[0].replace("\\", "/").replace("[.]", ".")
    path = re.sub("%([2-7][0-9a-fA-F])", lambda code: chr(int(code[1], 16)), path).lstrip("/")
    return _open_places().match(host + normpath("/" + path).lower()) is not None


def is_known_good(link: str) -> bool:
    """Whether a link, defanged or not, leads to a government site or one of `data.trusted.DOMAINS`."""
    return "." in link and known_good_name(link) is not None
