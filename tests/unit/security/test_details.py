"""The laws of the fraudster's details under seal."""

import pytest

from fenghuo.errors import Refused
from fenghuo.security.details import open_details, seal_details
from fenghuo.security.sealing import seal, unseal

DETAILS = (("phone", "13924681357"), ("bank_card", "6228480012345670"))
KEY = "k" * 32


def test_details_come_out_as_they_went_in_and_are_not_readable_meanwhile() -> None:
    sealed = seal_details(DETAILS, KEY)
    assert open_details(sealed, KEY) == DETAILS
    assert not any(value in sealed for _, value in DETAILS)


def test_what_cannot_be_sealed_is_not_kept() -> None:
    assert seal_details(DETAILS, "") == ""
    assert seal_details((), KEY) == ""
    assert open_details("", KEY) == ()


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Refused):
        open_details(seal_details(DETAILS, KEY), "x" * 32)


def test_each_purpose_has_a_key_of_its_own() -> None:
    sealed = seal_details(DETAILS, KEY)
    with pytest.raises(Refused):
        unseal(sealed, KEY)
    with pytest.raises(Refused):
        open_details(seal("https://hooks.example/a", KEY), KEY)
