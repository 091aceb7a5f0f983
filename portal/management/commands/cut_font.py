"""Cut the pages' font anew: `make font`, when a test finds a sign of ours that it does not have.

Pretendard as it is published has every syllable, in 92 files; a page of Korean draws on a dozen of
them, and each is looked through for every size and weight before the first paint. So what our own
words are written with, and what is most often written, is cut out of the two weights that we use.
Under another name: the licence wants that of a font that was changed (OFL-1.1, section 3).
docs/decisions/0012 says what follows for signs that it does not have.
"""

import logging
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

_ROOT = Path(settings.BASE_DIR)
_WHOLE = _ROOT / "portal" / "receipts" / "fonts"
_CHUNKS = _ROOT / "static" / "fonts" / "pretendard" / "pretendardvariable-dynamic-subset.css"
_CUT = _ROOT / "static" / "fonts" / "phonebill-sans"
_NAME = "Phonebill Sans"
_WEIGHTS = {"Regular": 400, "Bold": 700}
_PLACES = ("templates", "locale", "static/js", "portal", "support", "payments")
_SUFFIXES = {".html", ".txt", ".po", ".py", ".js"}
# The last of the published chunks hold what is most often written: Latin and a thousand syllables.
_COMMONEST = 12
_LATIN = {chr(point) for point in (*range(0x20, 0x7F), *range(0xA0, 0x100))}
# Of the font's thirty features those that show in running text, and figures of one width.
_FEATURES = ["calt", "ccmp", "kern", "locl", "mark", "mkmk", "tnum"]
_RANGES = re.compile(r"unicode-range: ([^;]+);")
_FACE = """\
@font-face {{
  font-family: "{name}";
  font-weight: {weight};
  font-display: swap;
  src: url("./{file}") format("woff2");
  unicode-range: {ranges};
}}
"""


def written() -> set[str]:
    """Every sign in our templates, translations and code."""
    paths = [path for place in _PLACES for path in (_ROOT / place).rglob("*")]
    return {sign for path in paths if path.suffix in _SUFFIXES for sign in path.read_text()}


def whole() -> set[str]:
    """Every sign that the published font has."""
    return set().union(*map(_signs, _RANGES.findall(_CHUNKS.read_text())))


def had() -> set[str]:
    """Every sign that the font of the pages has."""
    return set().union(*map(_signs, _RANGES.findall((_CUT / "faces.css").read_text())))


class Command(BaseCommand):
    """Write `static/fonts/phonebill-sans/`."""

    help = "cut the pages' font anew out of Pretendard"
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        """Write both weights and the sheet that names them; CommandError without the tools."""
        try:
            from fontTools import subset  # noqa: PLC0415
        except ImportError as missing:
            raise CommandError("fontTools is missing: `make font` brings it") from missing
        # Every glyph by its number, otherwise.
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        common = map(_signs, _RANGES.findall(_CHUNKS.read_text())[-_COMMONEST:])
        wanted = written() | _LATIN.union(*common)
        faces = []
        for weight, number in _WEIGHTS.items():
            options = subset.Options(
                flavor="woff2", layout_features=_FEATURES, hinting=False, name_IDs=[0, 13, 14]
            )
            font = subset.load_font(str(_WHOLE / f"Pretendard-{weight}.otf"), options)
            signs = {chr(point) for point in font.getBestCmap()} & wanted
            subsetter = subset.Subsetter(options)
            subsetter.populate(text="".join(signs))
            subsetter.subset(font)
            _rename(font, weight)
            file = f"{weight.lower()}.woff2"
            subset.save_font(font, str(_CUT / file), options)
            faces.append(_FACE.format(name=_NAME, weight=number, file=file, ranges=_ranges(signs)))
        (_CUT / "faces.css").write_text("".join(faces))
        self.stdout.write(f"{_CUT}")


def _rename(font: Any, weight: str) -> None:
    """Take the reserved name off the font, wherever it says how it is called."""
    for name_id, text in (
        (1, _NAME), (2, weight), (4, f"{_NAME} {weight}"), (6, f"PhonebillSans-{weight}")
    ):  # fmt: skip
        font["name"].setName(text, name_id, 3, 1, 0x409)
    outlines = font["CFF "].cff
    outlines.fontNames = [f"PhonebillSans-{weight}"]
    outlines[0].FullName = f"{_NAME} {weight}"
    outlines[0].FamilyName = _NAME


def _signs(ranges: str) -> set[str]:
    """The signs of a `unicode-range`."""
    found: set[str] = set()
    for each in ranges.split(","):
        first, _, last = each.strip().removeprefix("U+").partition("-")
        found |= {chr(point) for point in range(int(first, 16), int(last or first, 16) + 1)}
    return found


def _ranges(signs: set[str]) -> str:
    """The `unicode-range` of these signs."""
    ranges: list[list[int]] = []
    for point in sorted(map(ord, signs)):
        if ranges and point == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], point]
        else:
            ranges.append([point])
    return ", ".join("U+" + "-".join(f"{point:X}" for point in each) for each in ranges)
