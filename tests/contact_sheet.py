"""Writes one page with every picture the page journeys saved: page by page, languages and widths
side by side, so that a person can look at all of it. `make contact-sheet` runs it.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from html import escape
from pathlib import Path

# What tests/journeys/test_pages.py calls its pictures: page, language, width.
_NAME = re.compile(r"(?P<page>.+)-(?P<language>[a-z]{2})-(?P<width>[0-9]+)[.]png")
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Contact sheet</title><style>
body { margin: 2rem; font: 16px/1.5 system-ui, sans-serif; background: #ddd; }
nav { columns: 12rem; } section { margin-block-start: 3rem; }
.row { display: flex; gap: 1rem; align-items: flex-start; overflow-x: auto; }
figure { margin: 0; } figcaption { font-size: 0.875rem; }
img { display: block; width: auto; max-height: 40rem; border: 1px solid #999; }
</style></head><body>
"""


def write(directory: Path) -> Path:
    """Write index.html beside the pictures and return its path."""
    index = directory / "index.html"
    index.write_text(sheet(path.name for path in directory.glob("*.png")))
    return index


def sheet(names: Iterable[str]) -> str:
    """The page for pictures of these names; a name of another form is left out."""
    pages: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for name in names:
        if match := _NAME.fullmatch(name):
            picture = (int(match["width"]), match["language"], name)
            pages[match["page"]].append(picture)
    links = "".join(f'<a href="#{escape(page)}">{escape(page)}</a><br>' for page in sorted(pages))
    body = "".join(_section(page, sorted(pages[page])) for page in sorted(pages))
    return f"{_HEAD}<h1>{len(pages)} pages</h1><nav>{links}</nav>{body}</body></html>\n"


def _section(page: str, pictures: list[tuple[int, str, str]]) -> str:
    figures = "".join(
        f"<figure><figcaption>{language} {width}</figcaption>"
        f'<a href="{escape(name)}"><img src="{escape(name)}" alt="" loading="lazy"></a></figure>'
        for width, language, name in pictures
    )
    name = escape(page)
    return f'<section id="{name}"><h2>{name}</h2><div class="row">{figures}</div></section>'


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
