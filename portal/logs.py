"""Log lines without personal data: masked where they are written, whoever wrote them."""

import logging
import re

_PHONE = re.compile(r"(?<![0-9])(\+?82[- ]?|0)(10)[- ]?[0-9]{3,4}[- ]?([0-9]{4})(?![0-9])")
_RESIDENT = re.compile(r"(?<![0-9])[0-9]{6}-?[1-8][0-9]{6}(?![0-9])")
_BIRTHDATE = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:[0-2][0-9]|3[01])(?![0-9T])"
)
_TOKEN = re.compile(r"(/(?:pay|track|library|request)/)[A-Za-z0-9_-]{20,}")


def mask(text: str) -> str:
    """The text with phones, resident numbers, birthdates and address tokens masked; one line."""
    text = _RESIDENT.sub("******-*******", text)
    text = _PHONE.sub(r"010-****-\3", text)
    text = _BIRTHDATE.sub("****-**-**", text)
    return _TOKEN.sub(r"\1…", text)


class MaskPersonalData(logging.Filter):
    """Resolves a record to its final text and masks that, traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always keeps the record."""
        record.msg = mask(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return True


class LineFormatter(logging.Formatter):
    """`time level logger: text`; line breaks inside the text cannot forge another line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The formatted line."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)
