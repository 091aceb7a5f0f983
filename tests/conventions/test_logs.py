"""Nothing personal reaches a log, whoever wrote the line."""

import io
import logging

import pytest
from django.conf import settings

from portal.logs import LineFormatter, MaskPersonalData, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 01090001234 now", "call 010-****-1234 now"),
        ("call 010-9000-1234", "call 010-****-1234"),
        ("to +821090001234", "to 010-****-1234"),
        ("born 1990-01-31", "born ****-**-**"),
        ("born 19900131.", "born ****-**-**."),
        ("id 900131-1234567", "id ******-*******"),
        ("GET /pay/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/ 200", "GET /pay/…/ 200"),
    ],
)
def test_mask_hides_what_is_personal(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("text", ["order 2026 took 1990 ms", "amount 12000000 won", "id 42"])
def test_mask_leaves_ordinary_numbers_alone(text: str) -> None:
    assert mask(text) == text


def test_a_logged_phone_is_masked_in_text_arguments_and_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskPersonalData())
    handler.setFormatter(LineFormatter())
    log = logging.getLogger("test.masking")
    log.addHandler(handler)
    log.propagate = False

    try:
        int("01090001234 said no")
    except ValueError:
        log.exception("phone %s\nforged line", "+821090001234")

    written = stream.getvalue()
    assert "1090001234" not in written
    assert "010-****-1234" in written
    assert "\\nforged line" in written


def test_every_handler_of_the_settings_masks() -> None:
    assert settings.LOGGING["handlers"]
    for handler in settings.LOGGING["handlers"].values():
        assert handler["filters"] == ["mask"]
        assert handler["formatter"] == "line"
    for logger in (settings.LOGGING["root"], *settings.LOGGING["loggers"].values()):
        assert set(logger.get("handlers", [])) <= set(settings.LOGGING["handlers"])
