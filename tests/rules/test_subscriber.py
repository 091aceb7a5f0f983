"""What people type for a phone and a birthdate (reliability §7.1, §7.2)."""

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.subscriber import (
    BirthdateFault,
    PhoneFault,
    UnreadableBirthdate,
    UnreadablePhone,
    age_on,
    mask_email,
    mask_phone,
    national,
    parse_birthdate,
    parse_code,
    parse_phone,
)

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    "typed",
    [
        "01090001234",
        "010-9000-1234",
        "010 9000 1234",
        "010.9000.1234",
        "(010) 9000-1234",
        "+82 10-9000-1234",
        "+821090001234",
        "82-10-9000-1234",
        "0082 10 9000 1234",
        "+82 010-9000-1234",
        "０１０－９０００－１２３４",
        "010–9000–1234",
        "010−9000−1234",
        "010‐9000‐1234",
        " 01090001234 ",
        "\u00a001090001234\u00a0",
        "01090001234\n",
    ],
)
def test_parse_phone_yields_one_canonical_value_for_every_spelling(typed: str) -> None:
    assert parse_phone(typed) == "+821090001234"


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", PhoneFault.MISSING),
        ("   ", PhoneFault.MISSING),
        ("٠١٠٩٠٠٠١٢٣٤", PhoneFault.MALFORMED),
        ("010²9000123", PhoneFault.MALFORMED),
        ("0109000123", PhoneFault.MALFORMED),
        ("010900012345", PhoneFault.MALFORMED),
        ("0" * 10_000, PhoneFault.MALFORMED),
        ("O1090001234", PhoneFault.MALFORMED),
        ("01090001234;01090001235", PhoneFault.MALFORMED),
        ("0109000\n1234", PhoneFault.MALFORMED),
        ("01090001234\u202e", PhoneFault.MALFORMED),
        ("010\u200b90001234", PhoneFault.MALFORMED),
        ("011\u200b9000123", PhoneFault.MALFORMED),
        ("010X9000X1234", PhoneFault.MALFORMED),
        ("\u200b", PhoneFault.MALFORMED),
        ("+1 415 555 0100", PhoneFault.MALFORMED),
        ("011-900-0123", PhoneFault.NOT_MOBILE),
        ("070-9000-1234", PhoneFault.NOT_MOBILE),
        ("02-900-1234", PhoneFault.NOT_MOBILE),
        ("1588-1234", PhoneFault.NOT_MOBILE),
    ],
)
def test_parse_phone_names_the_fault_when_it_is_no_mobile_number(
    typed: str, fault: PhoneFault
) -> None:
    with pytest.raises(UnreadablePhone) as caught:
        parse_phone(typed)

    assert caught.value.fault == fault
    # Never what was typed.
    assert str(caught.value) == fault.name


@given(st.text(max_size=40))
def test_parse_phone_never_fails_otherwise_for_any_text(typed: str) -> None:
    with contextlib.suppress(UnreadablePhone):
        assert parse_phone(typed).startswith("+8210")


@pytest.mark.parametrize(
    ("typed", "born"),
    [
        ("19900131", date(1990, 1, 31)),
        ("900131", date(1990, 1, 31)),
        ("1990-01-31", date(1990, 1, 31)),
        ("1990.1.31", date(1990, 1, 31)),
        ("1990/01/31", date(1990, 1, 31)),
        ("１９９００１３１", date(1990, 1, 31)),
        ("20000229", date(2000, 2, 29)),
        ("000101", date(2000, 1, 1)),
        ("680101", date(1968, 1, 1)),
        ("261123", date(2026, 11, 23)),
        ("261124", date(1926, 11, 24)),
        ("19570505", date(1957, 5, 5)),
        ("1990–1–31", date(1990, 1, 31)),
        ("18970101", date(1897, 1, 1)),
    ],
)
def test_parse_birthdate_reads_eight_or_six_digits(typed: str, born: date) -> None:
    assert parse_birthdate(typed, TODAY) == born


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", BirthdateFault.MISSING),
        ("0001013", BirthdateFault.MALFORMED),
        ("20000101 00:00", BirthdateFault.MALFORMED),
        ("000101-3123456", BirthdateFault.RESIDENT_NUMBER),
        ("0001013123456", BirthdateFault.RESIDENT_NUMBER),
        ("20010229", BirthdateFault.NO_SUCH_DAY),
        ("19900231", BirthdateFault.NO_SUCH_DAY),
        ("19901301", BirthdateFault.NO_SUCH_MONTH),
        ("20261124", BirthdateFault.IN_THE_FUTURE),
        ("18961231", BirthdateFault.NO_SUCH_YEAR),
        ("21261231", BirthdateFault.IN_THE_FUTURE),
        ("21270101", BirthdateFault.NO_SUCH_YEAR),
        ("99991231", BirthdateFault.NO_SUCH_YEAR),
        ("00010101", BirthdateFault.NO_SUCH_YEAR),
    ],
)
def test_parse_birthdate_names_the_fault_when_there_is_no_such_birthdate(
    typed: str, fault: BirthdateFault
) -> None:
    with pytest.raises(UnreadableBirthdate) as caught:
        parse_birthdate(typed, TODAY)

    assert caught.value.fault == fault
    assert str(caught.value) == fault.name


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("19901301", 13),
        ("19900231", 31),
        ("18900101", 1890),
        ("20270101", 2027),
        # The whole date, no part of it.
        ("20261124", None),
    ],
)
def test_parse_birthdate_names_the_part_that_is_wrong(typed: str, part: int | None) -> None:
    with pytest.raises(UnreadableBirthdate) as caught:
        parse_birthdate(typed, TODAY)

    assert caught.value.part == part


def test_six_digits_are_of_the_latest_century_that_is_not_in_the_future() -> None:
    assert parse_birthdate("000601", date(2100, 6, 1)) == date(2100, 6, 1)
    assert parse_birthdate("000602", date(2100, 6, 1)) == date(2000, 6, 2)


def test_age_turns_on_the_birthday_and_on_1_march_for_leap_day_children() -> None:
    assert age_on(date(2007, 11, 24), TODAY) == 18
    assert age_on(date(2007, 11, 23), TODAY) == 19
    assert age_on(date(2008, 2, 29), date(2027, 2, 28)) == 18
    assert age_on(date(2008, 2, 29), date(2027, 3, 1)) == 19


@pytest.mark.parametrize("typed", ["123456", "１２３４５６", " 123456 ", "123 456", "123-456"])
def test_parse_code_accepts_what_people_type(typed: str) -> None:
    assert parse_code(typed) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "-12345", "1e5"])
def test_parse_code_is_none_when_it_is_not_six_digits(typed: str) -> None:
    assert parse_code(typed) is None


def test_national_is_what_people_dial() -> None:
    assert national("+821090001234") == "01090001234"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("hong@example.kr", "h***@example.kr"),
        ('"a@b"@example.kr', '"***@example.kr'),
    ],
)
def test_mask_email_shows_the_first_letter_and_the_domain(address: str, shown: str) -> None:
    assert mask_email(address) == shown


def test_mask_phone_shows_only_the_last_four() -> None:
    assert mask_phone("+821090001234") == "010-****-1234"
