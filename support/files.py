"""What may be attached to a request: a picture or a PDF that does nothing but show itself.

The bytes decide; neither the name nor what the browser says of them does. A picture is opened and
written anew, so that nothing of the file it came in is left: no place where it was taken, no
comment, no second file behind it. A PDF cannot be written anew here: it is refused when it carries
a program, a file, a form that sends or a lock, also inside its compressed parts. That is a careful
look and no parser: what a hostile author hides deeper is for the scanner (`support.scanning`).

Pure: no Django, no clock, nothing on disk.
"""

import io
import re
import threading
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageOps

# What an opened picture may fill memory with: four bytes each.
MAX_PIXELS = 50_000_000
# The longer side of what is kept; a photographed page is well readable at that.
MAX_SIDE = 4_000
_NAME_MAX = 60
_QUALITY = 88
# What a PDF may unfold to, and in how many parts.
_MAX_UNFOLDED = 60_000_000
_MAX_STREAMS = 20_000
_PIECE = 65_536
_LAST_BYTES = 66_000
# One picture at a time in a process: each may take 200 MB while it is written anew. Who waits for
# longer than this, in seconds, is asked to come back, so that pictures never hold up all the rest.
_WAIT = 10
_one_at_a_time = threading.Lock()


class Kind(StrEnum):
    """What is taken."""

    JPEG = "JPEG"
    PNG = "PNG"
    PDF = "PDF"


class Fault(StrEnum):
    """Why a file is refused."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    WRONG_KIND = "WRONG_KIND"
    BROKEN = "BROKEN"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    ACTIVE = "ACTIVE"
    LOCKED = "LOCKED"
    OPAQUE = "OPAQUE"
    # Nothing is wrong with it: too many pictures came at once.
    BUSY = "BUSY"


class Refused(Exception):
    """A file that is not taken; carries why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True)
class Accepted:
    """A file as it is kept: its name for people, and bytes that are what `kind` says."""

    name: str
    kind: Kind
    content: bytes


_BEGINNINGS = {b"\xff\xd8\xff": Kind.JPEG, b"\x89PNG\r\n\x1a\n": Kind.PNG, b"%PDF-": Kind.PDF}
_ENDINGS = {Kind.JPEG: "jpg", Kind.PNG: "png", Kind.PDF: "pdf"}


def accept(name: str, content: bytes, *, max_bytes: int) -> Accepted:
    """The file as it may be kept. Raises Refused."""
    if not content:
        raise Refused(Fault.EMPTY)
    if len(content) > max_bytes:
        raise Refused(Fault.TOO_LARGE)
    kind = next((kind for head, kind in _BEGINNINGS.items() if content.startswith(head)), None)
    if kind is None:
        raise Refused(Fault.WRONG_KIND)
    if kind is Kind.PDF:
        _check_pdf(content)
    else:
        content = _picture_anew(content, kind)
    if len(content) > max_bytes:
        raise Refused(Fault.TOO_LARGE)
    return Accepted(f"{plain_name(name)}.{_ENDINGS[kind]}", kind, content)


def plain_name(name: str) -> str:
    """A file's name without its ending that can do no harm: no path, no dot, nothing invisible."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem = last.rpartition(".")[0] or last
    # C: control, right-to-left marks, surrogates, whatever nobody sees.
    seen = "".join(sign for sign in stem if unicodedata.category(sign)[0] != "C")
    words = " ".join(re.sub(r'[.<>:"|?*]', "_", seen).split())
    return words[:_NAME_MAX].strip(" _") or "file"


def _picture_anew(content: bytes, kind: Kind) -> bytes:
    if not _one_at_a_time.acquire(timeout=_WAIT):
        raise Refused(Fault.BUSY)
    try:
        return _drawn(content, kind)
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(Fault.TOO_MANY_PIXELS) from error
    except Exception as error:
        # A broken picture makes the library fail in many ways; all mean the same here.
        raise Refused(Fault.BROKEN) from error
    finally:
        _one_at_a_time.release()


def _drawn(content: bytes, kind: Kind) -> bytes:
    with Image.open(io.BytesIO(content), formats=[kind]) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise Refused(Fault.TOO_MANY_PIXELS)
        # Only a JPEG can be opened smaller than it is; the others ignore it.
        ratio = MAX_SIDE / max(opened.size)
        opened.draft("RGB", (int(opened.width * ratio), int(opened.height * ratio)))
        opened.load()
        is_clear = kind is Kind.PNG and opened.has_transparency_data
        mode = "RGBA" if is_clear else "RGB"
        # Small first: every step of a large one would cost its memory again.
        picture = opened if opened.mode == mode else opened.convert(mode)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        ImageOps.exif_transpose(picture, in_place=True)
    # What was said beside the picture would be written again.
    picture.info.clear()
    anew = io.BytesIO()
    picture.save(anew, format=kind, quality=_QUALITY)
    return anew.getvalue()


# Names in a PDF that make it do something: run, open, play, fetch, send.
_ACTIVE = re.compile(
    rb"/(?:JavaScript|Launch|EmbeddedFile|RichMedia|Rendition|XFA|GoToE|SubmitForm|ImportData)"
)
_LOCK = re.compile(rb"/(?:Encrypt|Crypt)\b")
# Old ways of packing that are not unpacked here.
_UNREADABLE = re.compile(rb"/(?:LZWDecode|RunLengthDecode|ASCIIHexDecode|ASCII85Decode)\b")
_VERSION = re.compile(rb"%PDF-[12]\.[0-9]")
_STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r)")
# Another kind of file in front: pages and programs.
_PAGE = re.compile(rb"<\s*(?:script|html|svg|\?php|!doctype)", re.IGNORECASE)
_ZIP_END = b"PK\x05\x06"


def _check_pdf(content: bytes) -> None:
    is_whole = _VERSION.match(content) and content.rstrip(b"\0\t\n\f\r ").endswith(b"%%EOF")
    is_two = _PAGE.search(content[:1024]) or _ZIP_END in content[-_LAST_BYTES:]
    if not is_whole or is_two:
        raise Refused(Fault.BROKEN)
    plain = _unescaped(content)
    if _LOCK.search(plain):
        raise Refused(Fault.LOCKED)
    if _UNREADABLE.search(plain):
        raise Refused(Fault.OPAQUE)
    if _ACTIVE.search(plain):
        raise Refused(Fault.ACTIVE)
    for part in _unfolded(content):
        if _ACTIVE.search(_unescaped(part)):
            raise Refused(Fault.ACTIVE)


def _unescaped(content: bytes) -> bytes:
    """`/Java#53cript` is `/JavaScript` to a reader."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1].decode(), 16)]), content)


def _unfolded(content: bytes) -> Iterator[bytes]:
    """What the compressed parts hold. Raises Refused when that is beyond measure."""
    view, room = memoryview(content), _MAX_UNFOLDED
    for number, begin in enumerate(_STREAM.finditer(content)):
        if number == _MAX_STREAMS:
            raise Refused(Fault.OPAQUE)
        unfolded = bytearray()
        unfolding, at = zlib.decompressobj(), begin.end()
        try:
            while not unfolding.eof and at < len(view):
                # Room for one byte more than is left: to fill it is to have too much.
                unfolded += unfolding.decompress(view[at : at + _PIECE], room + 1)
                at += _PIECE
                if len(unfolded) > room or unfolding.unconsumed_tail:
                    raise Refused(Fault.OPAQUE)
        except zlib.error:
            # Not packed this way, or the end of a part that is cut off.
            pass
        room -= len(unfolded)
        yield bytes(unfolded)
