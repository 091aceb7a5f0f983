"""No link in a text but our own signed ones (domain §13); another one stops it. Pure.

Names of shops and goods travel in our texts; one of them must not make us the sender of a trap.
"""

import re

# What phones turn into a link: a scheme, `www.`, or a bare name under an ending people know.
_ENDINGS = (
    "com|net|org|kr|co|io|me|ly|gl|to|gg|cc|tv|biz|info|xyz|shop|store|app|dev|link|site|"
    "online|page|top|club|icu|vip|live|asia|cn|jp|ru|uk|de|us"
)
_LINK = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+|www\.\S+"
    rf"|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:{_ENDINGS})(?![\w-])(?:[/?#:]\S*)?",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"/(?:[a-z-]+/)+[A-Za-z0-9_-]{40,}/?")


def forbidden(text: str, *, may_link: bool, own: str) -> list[str]:
    """The links this text must not carry. `own` is our address without its last slash."""
    return [
        link
        for link in (found.group().rstrip(".,)") for found in _LINK.finditer(text))
        if not (may_link and _is_signed(link, own))
    ]


def _is_signed(link: str, own: str) -> bool:
    return link.startswith(own) and _SIGNED.fullmatch(link[len(own) :]) is not None


def masked(text: str, *, own: str) -> str:
    """The text with our signed addresses cut short: whoever reads one could open it."""
    pattern = rf"({re.escape(own)}/(?:[a-z-]+/)+)[A-Za-z0-9_-]{{20,}}"
    return re.sub(pattern, r"\1…", text)
