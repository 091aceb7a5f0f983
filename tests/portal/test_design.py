"""The look: the design page shows all of it, dark is complete, colours can be read."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from portal import design

COMPONENTS = sorted((settings.BASE_DIR / "templates/components").glob("*.html"))
COLOURS = {token.name: token for token in design.tokens() if token.group == "colour"}
SCHEMES = ("light", "dark")
# What is written on what: text must reach 4.5:1, the borders of controls 3:1 (WCAG 1.4.3, 1.4.11).
TEXT_ON = {
    "ink": ("paper", "surface", "note-soft", "pine-soft", "persimmon-soft", "danger-soft"),
    "ink-2": ("paper", "surface", "note-soft"),
    "ink-3": ("paper", "surface"),
    "on-ink": ("ink",),
    "pine": ("paper", "surface", "pine-soft"),
    "persimmon-ink": ("paper", "surface", "persimmon-soft"),
    "danger": ("paper", "surface", "danger-soft"),
}
BORDER_ON = {"field": ("paper", "surface"), "focus": ("paper", "surface")}


def colour(name: str, scheme: str) -> str:
    token = COLOURS[name]
    return token.value if scheme == "light" else token.dark


def in_full(value: str) -> str:
    """`#fff` as `#ffffff`."""
    return value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])


def test_every_colour_has_its_dark() -> None:
    assert [name for name, token in COLOURS.items() if not token.dark] == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("pairs", "least"), [(TEXT_ON, 4.5), (BORDER_ON, 3.0)], ids=["text", "borders"]
)
def test_colours_stand_out_from_what_they_lie_on(
    scheme: str, pairs: dict[str, tuple[str, ...]], least: float
) -> None:
    weak = {
        f"{front} on {back}": round(ratio, 2)
        for front, backs in pairs.items()
        for back in backs
        if (ratio := design.contrast(*(in_full(colour(n, scheme)) for n in (front, back)))) < least
    }

    assert weak == {}


def test_contrast_is_that_of_the_guidelines() -> None:
    assert design.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert design.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_every_colour_of_the_sheet_is_a_token() -> None:
    sheet = (settings.BASE_DIR / "static/css/phonebill.css").read_text()
    after_tokens = sheet.partition("@layer base {")[2].partition("@media print")[0]

    assert re.findall(r".*:.*#[0-9a-f]{3,8}.*", after_tokens) == []


@pytest.mark.django_db
def test_page_shows_every_component_token_and_icon(client: Client) -> None:
    html = client.get("/design/").content.decode()

    names = [f"components/{path.name}" for path in COMPONENTS]
    names += [f"--{token.name}" for token in design.tokens()]
    names += [
        (settings.BASE_DIR / design.ICONS / f"{name}.svg").read_text() for name in design.icons()
    ]
    assert [name for name in names if name not in html] == []


@pytest.mark.django_db
def test_page_exists_in_sandbox_mode_only(client: Client, settings: Any) -> None:
    settings.SANDBOX = False

    assert client.get("/design/").status_code == 404
