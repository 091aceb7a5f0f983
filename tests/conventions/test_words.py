"""Korean and English are both complete: no string without its translation, none left over."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/en/LC_MESSAGES/django.po"


def entries(text: str) -> list[tuple[str, str]]:
    """Every (msgid, msgstr) of a catalogue, header left out."""
    found = []
    for block in text.split("\n\n"):
        if "msgid " not in block or "#~" in block:
            continue
        body = block[block.index("msgid ") :]
        msgid, _, msgstr = body.partition("\nmsgstr ")
        found.append((_joined(msgid.removeprefix("msgid ")), _joined(msgstr)))
    return [pair for pair in found if pair[0]]


def _joined(quoted: str) -> str:
    return "".join(line.strip().strip('"') for line in quoted.splitlines())


def test_every_string_has_its_english() -> None:
    missing = [msgid for msgid, msgstr in entries(CATALOGUE.read_text()) if not msgstr]

    assert missing == []
    assert "#, fuzzy" not in CATALOGUE.read_text()


def test_the_compiled_catalogue_belongs_to_the_text() -> None:
    compiled = (CATALOGUE.parent / "django.mo").read_bytes()
    absent = [
        msgstr
        for _, msgstr in entries(CATALOGUE.read_text())
        if msgstr.replace("\\n", "\n").replace('\\"', '"').encode() not in compiled
    ]

    assert absent == []


def test_the_check_sees_a_missing_translation() -> None:
    assert entries('msgid "가"\nmsgstr ""\n\nmsgid "나"\nmsgstr "b"') == [("가", ""), ("나", "b")]


# Where Korean is meant to stay Korean: the name of the language itself.
UNMARKED = {"templates/base.html: 한국어"}
MARKED = re.compile(
    r"{#.*?#}|{% comment.*?endcomment %}|{% blocktrans.*?endblocktrans(?:late)? %}"
    r"|{% (?:trans|translate) .*?%}|_\(\".*?\"\)",
    re.DOTALL,
)


def test_no_korean_is_left_unmarked_in_a_template() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {word}"
        for path in (ROOT / "templates").rglob("*.html")
        for word in re.findall(r"[가-힣]+", MARKED.sub("", path.read_text()))
    }

    assert found - UNMARKED == set()
