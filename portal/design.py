"""The tokens of the look, as the style sheet defines them: the design page and the tests read them
here, so that neither can describe another look than the one that is shipped.
"""

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings

_TOKEN = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")
_GROUPS = (
    ("type", re.compile(r"type-|font$")),
    ("space", re.compile(r"s[0-9]$|target$")),
    ("radius", re.compile(r"radius")),
    ("motion", re.compile(r"quick$")),
)
REM = 16
ICONS = "templates/components/icons"


@dataclass(frozen=True)
class Token:
    """One custom property. `dark` is empty when it does not depend on the scheme."""

    name: str
    value: str
    dark: str

    @property
    def group(self) -> str:
        """colour, type, space, radius or motion."""
        if self.value.startswith("#"):
            return "colour"
        return next(group for group, names in _GROUPS if names.match(self.name))

    @property
    def pixels(self) -> float:
        """Its length in CSS pixels; 0 for what is no length."""
        match = re.fullmatch(r"([0-9.]+)(rem|px)", self.value)
        return float(match[1]) * (REM if match[2] == "rem" else 1) if match else 0


@cache
def tokens() -> list[Token]:
    """Every token, in the order of the style sheet."""
    sheet = (settings.BASE_DIR / "static/css/phonebill.css").read_text()
    layer = sheet.partition("@layer tokens {")[2].partition("@layer base {")[0]
    light, _media, dark = layer.partition("@media (prefers-color-scheme: dark)")
    in_dark = dict(_TOKEN.findall(dark))
    return [
        Token(name, " ".join(value.split()), in_dark.get(name, ""))
        for name, value in _TOKEN.findall(light)
    ]


@cache
def icons() -> list[str]:
    """The names of all icons."""
    return sorted(path.stem for path in (settings.BASE_DIR / ICONS).glob("*.svg"))


def contrast(one: str, other: str) -> float:
    """The contrast of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
