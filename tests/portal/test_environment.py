"""What a deployment says of its operators."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment

NAME = "CARRIER_CAPABILITIES"


def test_capabilities_of_an_operator_are_read_field_by_field(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        NAME,
        '{"LGU": {"parts": true, "min_age_seconds": 600}, "KT": {"cutoff_seconds": 3600,'
        ' "bank": false}}',
    )

    assert environment.capabilities(NAME) == {
        "LGU": {"can_cancel_in_part": True, "min_age": timedelta(minutes=10)},
        "KT": {"cutoff_margin": timedelta(hours=1), "has_bank_route": False},
    }


def test_nothing_is_said_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)

    assert environment.capabilities(NAME) == {}


@pytest.mark.parametrize(
    "value",
    [
        "parts",
        "[]",
        '{"SKT": true}',
        '{"SKT": {"partial": true}}',
        '{"SKT": {"parts": 1}}',
        '{"SKT": {"min_age_seconds": true}}',
        '{"SKT": {"min_age_seconds": -1}}',
        # A late cancel would arrive in another month.
        '{"SKT": {"cutoff_seconds": 599}}',
    ],
)
def test_malformed_capabilities_stop_the_start_and_are_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(ImproperlyConfigured, match=NAME):
        environment.capabilities(NAME)
