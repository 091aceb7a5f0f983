"""Makes the demo goods: melodies and books, all of them our own.

`python -m portal.goods.make` writes the same bytes every time; its output is committed, so nobody
has to run it.
"""

import math
import struct
import wave
import zipfile
from collections.abc import Iterable
from html import escape
from pathlib import Path

from portal.goods import books
from portal.goods.books import Book

_HERE = Path(__file__).resolve().parent
_FILES = _HERE / "files"
_PREVIEWS = _HERE.parent.parent / "static" / "previews"
_RATE = 11_025
_PREVIEW_SECONDS = 4
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MADE_AT = (2026, 11, 1, 0, 0, 0)

# Beats per minute, then voices: (timbre, loudness, notes).
# A note is name, octave and beats; `-` rests.
_PIANO = (1.0, 0.45, 0.22, 0.1, 0.05)
_BOX = (1.0, 0.05, 0.35, 0.02, 0.2)
_BASS = (1.0, 0.3, 0.08)
_SONGS: dict[str, tuple[int, list[tuple[tuple[float, ...], float, str]]]] = {
    "night-walk": (
        84,
        [
            (
                _PIANO,
                0.5,
                "E5 1 D5 .5 B4 .5 A4 1 B4 1 D5 .5 E5 .5 G5 1 E5 2 "
                "E5 1 D5 .5 B4 .5 G4 1 A4 1 B4 1 A4 .5 G4 .5 E4 2",
            ),
            (_BASS, 0.4, "A2 2 E3 2 C3 2 G2 2 A2 2 E3 2 D3 2 A2 2"),
        ],
    ),
    "first-bus": (
        126,
        [
            (
                _PIANO,
                0.45,
                "G4 .5 A4 .5 C5 1 C5 .5 D5 .5 E5 1 G5 1 E5 .5 D5 .5 C5 1 D5 1 "
                "E5 .5 E5 .5 G5 1 A5 .5 G5 .5 E5 1 D5 .5 C5 .5 A4 1 C5 2 "
                "G4 .5 A4 .5 C5 1 E5 .5 D5 .5 C5 2",
            ),
            (
                _BASS,
                0.4,
                "C3 1 G3 1 C3 1 G3 1 A2 1 E3 1 F2 1 C3 1 C3 1 G3 1 C3 1 G3 1 F2 1 C3 1 G2 1 G3 1 "
                "C3 1 G3 1 C3 2",
            ),
        ],
    ),
    "rain-window": (
        96,
        [
            (
                _BOX,
                0.45,
                "A5 .5 - .5 E5 .5 C5 .5 A5 .5 - .5 G5 .5 E5 .5 F5 .5 - .5 C5 .5 A4 .5 E5 1 - 1 "
                "D5 .5 - .5 F5 .5 A5 .5 G5 .5 - .5 E5 .5 C5 .5 B4 .5 D5 .5 G5 .5 B5 .5 A5 2",
            ),
            (_BOX, 0.25, "- 1 A4 1 - 1 C5 1 - 1 F4 1 - 1 G4 1 - 1 D4 1 - 1 C4 1 - 1 E4 1 A3 2"),
        ],
    ),
    "winter-live": (
        100,
        [
            (
                _PIANO,
                0.45,
                "D5 2 F5 1 A5 2 G5 1 F5 1 E5 1 D5 1 C5 3 D5 2 E5 1 F5 2 D5 1 E5 3",
            ),
            (_BASS, 0.45, "D3 3 A2 3 G2 3 C3 3 A#2 3 G2 3 A2 3"),
            (
                _PIANO,
                0.16,
                "- 1 A4 1 A4 1 - 1 A4 1 A4 1 - 1 B4 1 B4 1 - 1 G4 1 G4 1 - 1 F4 1 F4 1 "
                "- 1 D4 1 D4 1 - 1 C#5 1 C#5 1",
            ),
        ],
    ),
}


def main() -> None:
    """Write every song, preview and book."""
    _FILES.mkdir(exist_ok=True)
    _PREVIEWS.mkdir(exist_ok=True)
    for slug, (tempo, voices) in _SONGS.items():
        samples = _play(tempo, voices)
        _write_wave(_FILES / f"{slug}.wav", samples)
        _write_wave(_PREVIEWS / f"{slug}.wav", _faded(samples[: _PREVIEW_SECONDS * _RATE]))
    for text in sorted(books.FOLDER.glob("*.txt")):
        book = books.read(text)
        _write_book(_FILES / f"{book.slug}.epub", book)


def _play(tempo: int, voices: list[tuple[tuple[float, ...], float, str]]) -> list[float]:
    beat = 60 / tempo
    beats = max(sum(length for _name, length in _notes(text)) for _t, _l, text in voices)
    samples = [0.0] * int((beats * beat + 1.0) * _RATE)
    for timbre, loudness, text in voices:
        at = 0.0
        for name, length in _notes(text):
            if name != "-":
                _strike(samples, int(at * beat * _RATE), _pitch(name), timbre, loudness)
            at += length
    return _faded(samples)


def _notes(text: str) -> Iterable[tuple[str, float]]:
    words = text.split()
    return [(name, float(length)) for name, length in zip(words[::2], words[1::2], strict=True)]


def _pitch(name: str) -> float:
    """Hertz of `A4` (440) and its neighbours."""
    step = _STEPS[name[0]] + ("#" in name)
    return 440.0 * math.pow(2.0, (step - 9) / 12 + int(name[-1]) - 4)


def _strike(
    samples: list[float], start: int, hertz: float, timbre: tuple[float, ...], loudness: float
) -> None:
    """Add one struck string: harmonics that die away, the high ones sooner."""
    length = min(len(samples) - start, int(2.2 * _RATE))
    for number, share in enumerate(timbre, start=1):
        if hertz * number > _RATE / 2.2:
            break
        turn = 2 * math.pi * hertz * number / _RATE
        fall = (1.4 + 0.9 * number) / _RATE
        for i in range(length):
            attack = min(1.0, i / 60)
            samples[start + i] += (
                loudness * share * attack * math.exp(-fall * i) * math.sin(turn * i)
            )


def _faded(samples: list[float]) -> list[float]:
    tail = int(0.6 * _RATE)
    kept = len(samples) - tail
    return [s if i < kept else s * (len(samples) - i) / tail for i, s in enumerate(samples)]


def _write_wave(path: Path, samples: list[float]) -> None:
    loudest = max(abs(sample) for sample in samples)
    frames = [int(sample / loudest * 0.85 * 32_767) for sample in samples]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(struct.pack(f"<{len(frames)}h", *frames))


def _write_book(path: Path, book: Book) -> None:
    """An EPUB 3: the type first and uncompressed, as the format wants."""
    names = [f"page{number}.xhtml" for number in range(1, len(book.chapters) + 1)]
    parts = {
        "META-INF/container.xml": _CONTAINER,
        "book/package.opf": _package(book, names),
        "book/nav.xhtml": _nav(book, names),
        "book/style.css": "body{line-height:1.7;margin:1em}h1{font-size:1.4em}",
    }
    for name, chapter in zip(names, book.chapters, strict=True):
        text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in chapter.paragraphs)
        parts[f"book/{name}"] = _xhtml(chapter.title, f"<h1>{escape(chapter.title)}</h1>{text}")
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(zipfile.ZipInfo("mimetype", _MADE_AT), "application/epub+zip")
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _MADE_AT)
            out.writestr(entry, text, compress_type=zipfile.ZIP_DEFLATED)


_CONTAINER = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)


def _package(book: Book, names: list[str]) -> str:
    items = "".join(
        f'<item id="p{i}" href="{name}" media-type="application/xhtml+xml"/>'
        for i, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="p{i}"/>' for i in range(len(names)))
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"'
        ' xml:lang="ko"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">urn:phonebill:{book.slug}</dc:identifier>'
        f"<dc:title>{escape(book.title)}</dc:title><dc:language>ko</dc:language>"
        "<dc:creator>북셸프</dc:creator>"
        '<meta property="dcterms:modified">2026-11-01T00:00:00Z</meta></metadata><manifest>'
        '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        f'<item id="css" href="style.css" media-type="text/css"/>{items}</manifest>'
        f"<spine>{spine}</spine></package>"
    )


def _nav(book: Book, names: list[str]) -> str:
    rows = "".join(
        f'<li><a href="{name}">{escape(chapter.title)}</a></li>'
        for name, chapter in zip(names, book.chapters, strict=True)
    )
    body = f'<nav epub:type="toc"><h1>{escape(book.title)}</h1><ol>{rows}</ol></nav>'
    return _xhtml(book.title, body)


def _xhtml(title: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"'
        f' xml:lang="ko" lang="ko"><head><title>{escape(title)}</title>'
        '<link rel="stylesheet" href="style.css"/></head>'
        f"<body>{body}</body></html>"
    )


if __name__ == "__main__":
    main()
