"""The font of the pages has every sign that our words are written with, under a name of its own."""

import pytest
from fontTools.ttLib import TTFont

from portal.management.commands import cut_font
from tests.conventions.sources import ROOT

CUT = ROOT / "static/fonts/phonebill-sans"


def test_it_has_every_sign_our_words_are_written_with() -> None:
    missing = (cut_font.written() & cut_font.whole()) - cut_font.had() - {"\r"}

    assert not missing, f"run `make font`: {''.join(sorted(missing))}"


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_a_weight_has_what_its_sheet_says(weight: str) -> None:
    font = TTFont(CUT / f"{weight}.woff2")

    assert {chr(point) for point in font.getBestCmap()} == cut_font.had()


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_it_does_not_bear_the_reserved_name(weight: str) -> None:
    """OFL-1.1, section 3: what is called so has not been changed."""
    font = TTFont(CUT / f"{weight}.woff2")

    called = [str(name) for name in font["name"].names if name.nameID in {1, 4, 6, 16}]
    called += [font["CFF "].cff[0].FullName, font["CFF "].cff[0].FamilyName]

    assert called
    assert not [name for name in called if "pretendard" in name.lower()]


def test_a_letter_that_it_does_not_have_would_be_seen() -> None:
    """Negative control: a syllable that nobody writes is in the whole font, and not in ours."""
    assert "쀍" in cut_font.whole() - cut_font.had()
