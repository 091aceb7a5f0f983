"""The texts of the demo books: what the EPUB files are made of, and what is read in the browser."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "books"


@dataclass(frozen=True)
class Chapter:
    """A heading and its paragraphs."""

    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class Book:
    """A book by its title; `slug` is that of the product."""

    slug: str
    title: str
    chapters: list[Chapter]


def read(path: Path) -> Book:
    """Blocks between empty lines: `# title`, then `## chapter` and its paragraphs."""
    title, *blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    chapters: list[Chapter] = []
    for block in blocks:
        if block.startswith("## "):
            chapters.append(Chapter(block.removeprefix("## "), []))
        else:
            chapters[-1].paragraphs.append(block)
    return Book(path.stem, title.removeprefix("# "), chapters)
