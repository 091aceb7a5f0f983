"""docs/states.md shows the tables as they are."""

from enum import StrEnum

from payments import pictures
from portal.management.commands import draw_states


def test_the_pictures_show_the_tables_as_they_are() -> None:
    assert draw_states.PAGE.read_text() == draw_states.page(), "run: manage.py draw_states"


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


def test_a_picture_changes_with_its_table() -> None:
    one = {("RED", "GREEN"): "light.green"}

    assert pictures.mermaid(one, Light) == (
        "stateDiagram-v2\n    [*] --> RED\n    RED --> GREEN : light.green\n    GREEN --> [*]\n"
    )
    assert pictures.mermaid(one | {("GREEN", "RED"): None}, Light) == (
        "stateDiagram-v2\n    [*] --> RED\n    RED --> GREEN : light.green\n    GREEN --> RED\n"
    )
