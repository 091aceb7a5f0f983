"""A mail as people like to read it: the HTML is made of the text, so that both say the same.

The text's own shape is all there is to it: a blank line ends a paragraph; lines of `name: value`
are rows; a line that ends in one of our addresses is a button.
"""

import re
from dataclasses import dataclass, field

from django.template.loader import render_to_string

_ROW = re.compile(r"(?P<name>[^:：\n]{1,24})[:：] (?P<value>\S.*)")


@dataclass
class Block:
    """One paragraph: its lines, or its rows of name and value, and the buttons below it."""

    lines: list[str] = field(default_factory=list)
    rows: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


def html_of(text: str, *, subject: str, language: str, own: str) -> str:
    """The whole HTML document of a mail. `own` is our address without its last slash."""
    blocks = [_block(part, own) for part in re.split(r"\n\s*\n", text.strip())]
    words = {"blocks": blocks, "subject": subject, "language": language}
    return render_to_string("mail.html", words)


def _block(paragraph: str, own: str) -> Block:
    block = Block()
    lines = []
    for line in paragraph.splitlines():
        row = _ROW.fullmatch(line.strip())
        if row and row["value"].startswith(f"{own}/"):
            block.buttons.append((row["name"], row["value"]))
        else:
            lines.append((line, row))
    # One such line alone is a sentence with a colon in it.
    if len(lines) > 1 and all(row for _, row in lines):
        block.rows = [(row["name"], row["value"]) for _, row in lines if row]
    else:
        block.lines = [line for line, _ in lines]
    return block
