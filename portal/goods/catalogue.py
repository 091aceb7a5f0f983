"""What the two demo shops sell: short songs and small books of our own (made by `make.py`)."""

import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.utils.translation import gettext_noop as _

from portal.goods import books
from portal.goods.books import Book

_FILES = Path(__file__).resolve().parent / "files"


@dataclass(frozen=True)
class Product:
    """One thing to buy. `kind` is SONG or EBOOK.

    `name` is what the bill says, in Korean; pages in English show its translation beside it.
    """

    shop: str
    slug: str
    name: str
    amount_won: int
    kind: str
    description: str
    filename: str

    @property
    def plays(self) -> bool:
        """Whether it is listened to rather than read."""
        return self.kind == "SONG"

    @property
    def file(self) -> Path:
        """The file a buyer gets."""
        return _FILES / self.filename

    @property
    def file_name(self) -> str:
        """How the file is called on the buyer's device."""
        return self.filename

    @cached_property
    def seconds(self) -> int:
        """How long a song plays; 0 for a book."""
        if not self.plays:
            return 0
        with wave.open(str(self.file), "rb") as song:
            return round(song.getnframes() / song.getframerate())

    @cached_property
    def kilobytes(self) -> int:
        """The size of the file a buyer gets, in whole kB (1,000 bytes)."""
        return round(self.file.stat().st_size / 1000)

    @cached_property
    def book(self) -> Book | None:
        """The text of a book; None for a song."""
        return None if self.plays else books.read(books.FOLDER / f"{self.slug}.txt")

    @property
    def format(self) -> str:
        """The format of the file, as people call it."""
        return self.file.suffix.removeprefix(".").upper()

    @property
    def cover(self) -> str:
        """The template that draws the cover."""
        return f"portal/shop/covers/{self.slug}.svg"

    @property
    def preview(self) -> str:
        """The static path of a song's first seconds; empty for a book."""
        return f"previews/{self.slug}.wav" if self.plays else ""


PRODUCTS = (
    Product(
        "melody",
        "night-walk",
        _("밤 산책 (음원 1곡)"),
        2_200,
        "SONG",
        _("가로등 아래를 천천히 걷는 느낌의 피아노 소품이에요."),
        "night-walk.wav",
    ),
    Product(
        "melody",
        "first-bus",
        _("첫차 (음원 1곡)"),
        1_100,
        "SONG",
        _("새벽 첫차를 타고 가며 듣기 좋은 밝은 곡이에요."),
        "first-bus.wav",
    ),
    Product(
        "melody",
        "rain-window",
        _("창가의 비 (음원 1곡)"),
        3_300,
        "SONG",
        _("빗방울처럼 또박또박 떨어지는 오르골 소리예요."),
        "rain-window.wav",
    ),
    Product(
        "melody",
        "winter-live",
        _("겨울밤 연주 실황 (음원 1곡)"),
        9_900,
        "SONG",
        _("작은 방에서 연주한 느린 왈츠예요."),
        "winter-live.wav",
    ),
    Product(
        "bookshelf",
        "alley-seasons",
        _("골목의 네 계절 (전자책)"),
        4_500,
        "EBOOK",
        _("한 골목을 한 해 동안 지켜본 짧은 글 네 편이에요."),
        "alley-seasons.epub",
    ),
    Product(
        "bookshelf",
        "small-kitchen",
        _("작은 부엌의 계산 (전자책)"),
        12_000,
        "EBOOK",
        _("냄비 하나로 사는 사람의 부엌 이야기 세 편이에요."),
        "small-kitchen.epub",
    ),
    Product(
        "bookshelf",
        "night-post",
        _("밤의 우체국 소장판 (전자책)"),
        29_000,
        "EBOOK",
        _("밤에만 문을 여는 우체국에 온 편지 세 통이에요."),
        "night-post.epub",
    ),
)


def products(shop: str) -> list[Product]:
    """Everything a shop sells, in the order of its shelf."""
    return [product for product in PRODUCTS if product.shop == shop]


def product(shop: str, slug: str) -> Product | None:
    """One product of a shop; None when it sells no such thing."""
    return next((product for product in products(shop) if product.slug == slug), None)
