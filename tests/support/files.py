"""Files as people and attackers send them."""

import io
import struct
import zlib

from django.core.files.uploadedfile import SimpleUploadedFile
from fpdf import FPDF
from PIL import Image

# GPS: 37° north. What a phone writes into every picture.
_GPS, _COMMENT = 0x8825, b"<?php system('id') ?>"
_ORIENTATION = 0x0112


def photo(size: tuple[int, int] = (120, 80), *, turned: int = 1) -> bytes:
    """A JPEG with the place where it was taken, and a program in its comment."""
    exif = Image.Exif()
    exif[_ORIENTATION] = turned
    exif[_GPS] = {1: "N", 2: (37.0, 33.0, 58.0)}
    made = io.BytesIO()
    Image.new("RGB", size, "teal").save(made, "JPEG", exif=exif, comment=_COMMENT)
    return made.getvalue()


def png(size: tuple[int, int] = (60, 40)) -> bytes:
    made = io.BytesIO()
    Image.new("RGBA", size, (0, 128, 128, 90)).save(made, "PNG")
    return made.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A few bytes that say they are a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pdf(words: str = "bill of November") -> bytes:
    """A harmless PDF with a compressed page."""
    sheet = FPDF()
    sheet.add_page()
    sheet.set_font("helvetica")
    sheet.cell(text=words)
    return bytes(sheet.output())


def pdf_with(inside: bytes, *, packed: bool = False) -> bytes:
    """A PDF with something more in it, in plain sight or in a compressed part."""
    whole = pdf()
    stream = b"9 0 obj\n<< /Type /ObjStm >>\nstream\n%s\nendstream\nendobj\n" % (
        zlib.compress(inside) if packed else inside
    )
    at = whole.rindex(b"xref")
    return whole[:at] + (stream if packed else inside + b"\n") + whole[at:]


def locked_pdf() -> bytes:
    sheet = FPDF()
    sheet.set_encryption("secret")
    sheet.add_page()
    return bytes(sheet.output())


def sent(name: str, content: bytes, kind: str = "image/jpeg") -> SimpleUploadedFile:
    """A file as a browser sends it; `kind` is what the browser says."""
    return SimpleUploadedFile(name, content, content_type=kind)
