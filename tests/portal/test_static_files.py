"""Static files are compressed once, when they are collected, and served so."""

import gzip
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client


def collected(name: str) -> Path:
    return Path(settings.STATIC_ROOT) / staticfiles_storage.stored_name(name)


def test_a_style_sheet_has_its_compressed_twin() -> None:
    sheet = collected("css/phonebill.css")

    packed = sheet.with_name(f"{sheet.name}.gz").read_bytes()

    assert gzip.decompress(packed) == sheet.read_bytes()
    assert len(packed) < len(sheet.read_bytes()) / 3


def test_a_font_and_a_picture_already_compressed_have_none() -> None:
    assert not list(Path(settings.STATIC_ROOT).rglob("*.woff2.gz"))


def test_a_phone_gets_the_compressed_one_to_keep_for_years() -> None:
    address = staticfiles_storage.url("js/phonebill.js")

    answer = Client().get(address, headers={"accept-encoding": "gzip"})

    answer.close()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_page_is_not_compressed_when_it_may_show_a_secret_beside_something_typed() -> None:
    answer = Client().get("/merchant/login/", headers={"accept-encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers
