"""A mail as it came: who wrote what, about which case, and whether a machine did. Pure.

Anybody can send anything, so nothing here raises and everything is bounded. Headers are read by the
lenient policy of the standard library: the strict one raises on some of what is written into them.
"""

import contextlib
import email
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from html.parser import HTMLParser

from payments.subscriber import RESIDENT_NUMBER

# What is read of one mail; a text is before its attachments, so it is what comes first that counts.
READ_AT_MOST = 10 * 1024 * 1024
LONGEST_TEXT = 10_000
LONGEST_SUBJECT = 100
_LONGEST_READ = 400_000
_LONGEST_NAME = 60
_LONGEST_ADDRESS = 254
_LONGEST_HEADER = 20_000
# Ten megabytes of a file take 140,000.
_MOST_LINES = 200_000
_MOST_PARTS = 100
_DEEPEST = 20
# Korean programs name the older standards and write the newer one that contains them.
_CHARSETS = {
    "euc-kr": "cp949",
    "euckr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "ks_x_1001": "cp949",
    "korean": "cp949",
    "x-windows-949": "cp949",
    "ms949": "cp949",
    "windows-949": "cp949",
    "gb2312": "gb18030",
    "iso-8859-1": "cp1252",
}
# Of what Python can decode, what mails are written in; the rest is slow or does something else.
_KNOWN = re.compile(
    r"(?:us-ascii|ascii|utf[-_]?(?:7|8|16|32)(?:[-_]?[lb]e)?|iso[-_]?8859[-_]\d+|latin-?1|cp\d+"
    r"|iso-2022-(?:kr|jp)|windows-\d+|koi8-[ru]|gbk?|gb18030|big5|shift_jis|euc-jp|johab|tis-620)"
)
_BULK = frozenset({"bulk", "junk", "list"})
_MACHINES = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)
# What a signed address of ours carries (`support.threads`): the row of a case and its seal.
THREAD = re.compile(r"(?<![0-9a-z])(\d{1,18})\.([0-9a-f]{20})@", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9A-Za-z])([COBHE]-\d{5,18})(?![0-9A-Za-z])", re.IGNORECASE)
_HISTORY = re.compile(
    r"^(?:"
    r"-{2,} ?(?:original message|원본 메시지|original mail|원본 메일|forwarded message) ?-{2,}.*"
    r"|_{20,}"
    r"|on .{6,120} wrote:"
    r"|\d{4}년 ?\d{1,2}월 ?\d{1,2}일.{0,120}(?:작성|님이 쓴 글|씀):?"
    r"|.{1,80}님이 .{1,60}(?:작성|썼습니다|쓴 글):?"
    r"|(?:from|보낸 ?사람|보낸이) ?: .*@.*"
    r")$",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# A tag that another one begins in, or that never ends: the parser would look for its end each time.
_NO_TAG = re.compile(r"<(?![^<>]*>)")
# Turns the reading order of what stands around it: only ever used to deceive.
_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


class _AsWritten(type(compat32)):  # type: ignore[misc]
    """Headers with what Korean programs write into them without an encoding: their bytes."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Cut short: the time the library takes grows with the square of some headers."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Of the header as the parser keeps it, which hides such bytes in it."""
        return _decoded(value.encode("utf-8", "surrogateescape"), "")


@dataclass(frozen=True)
class Attachment:
    """A file that came along: `content` is as it came, unchecked, and not all of it if `is_cut`.

    `name` is fit to be shown, and empty for none.
    """

    name: str
    content: bytes
    is_cut: bool = False


@dataclass(frozen=True)
class Letter:
    """What is known of a mail.

    `sender` is in small letters, empty when there is not exactly one. `machine` says by which mark
    a program is taken for its writer; empty for a person. `threads` are the cases that addresses of
    ours in it name, with seals nobody has checked yet; `number` is the one its subject names.
    """

    message_id: str = ""
    sender: str = ""
    subject: str = ""
    text: str = ""
    is_cut: bool = False
    attachments: tuple[Attachment, ...] = ()
    machine: str = ""
    is_bounce: bool = False
    threads: tuple[tuple[int, str], ...] = ()
    number: str = ""


def read(raw: bytes) -> Letter:
    """Make the best of any bytes; never raises. An empty Letter is one nobody can read."""
    try:
        lines = raw[:READ_AT_MOST].split(b"\n", _MOST_LINES)
        bounded = b"\n".join(lines[:_MOST_LINES])
        is_whole = len(raw) < READ_AT_MOST and len(lines) <= _MOST_LINES
        mail = email.message_from_bytes(bounded, policy=_AsWritten())
        return _read(mail, raw, is_whole=is_whole)
    except Exception:
        # The standard library's parser has no list of what it raises.
        return Letter()


def without_resident_numbers(text: str) -> str:
    """The text with 13-digit resident numbers struck out: they are never kept."""
    return RESIDENT_NUMBER.sub("●●●●●●-●●●●●●●", text)


def _read(mail: Message, raw: bytes, *, is_whole: bool) -> Letter:
    sender = _sender(mail)
    plain, html, attachments = _parts(mail, is_whole=is_whole)
    text = without_resident_numbers(_own_words(_cleaned(plain if plain.strip() else _bare(html))))
    subject = " ".join(without_resident_numbers(_cleaned(_words(mail, "Subject"))).split())
    number = _NUMBER.search(subject)
    is_bounce = _is_bounce(mail, sender)
    # A report repeats our headers in one of its parts; of anybody else only the headers count.
    said = raw[:READ_AT_MOST].decode("latin-1") if is_bounce else _answered(mail)
    return Letter(
        message_id=" ".join(_words(mail, "Message-ID").split())[:998],
        sender=sender,
        subject=subject[:LONGEST_SUBJECT],
        text=text[:LONGEST_TEXT],
        is_cut=len(text) > LONGEST_TEXT,
        attachments=attachments,
        machine=_machine(mail, sender),
        is_bounce=is_bounce,
        threads=tuple(
            dict.fromkeys((int(pk), seal.lower()) for pk, seal in THREAD.findall(said)[:20])
        ),
        number=number[1].upper() if number else "",
    )


def _sender(mail: Message) -> str:
    # Before anything is decoded: a name may hold what would read as another address.
    written = getaddresses([line[:_LONGEST_HEADER] for line in _lines(mail, "From")[:10]])
    found = {address.strip().lower() for _, address in written if _is_address(address.strip())}
    return found.pop() if len(found) == 1 else ""


def _is_address(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    is_plain = text.isprintable() and not re.search(r"[\s,;<>()\"\\]", text)
    return bool(name and at and "." in domain and len(text) <= _LONGEST_ADDRESS and is_plain)


def _answered(mail: Message) -> str:
    names = ("To", "Cc", "Delivered-To", "X-Original-To", "In-Reply-To", "References")
    return " ".join(_words(mail, name) for name in names)


def _machine(mail: Message, sender: str) -> str:
    def value(name: str) -> str:
        return _words(mail, name).partition(";")[0].strip().lower()

    if value("Auto-Submitted") not in ("", "no"):
        return "Auto-Submitted"
    if value("Precedence") in _BULK:
        return "Precedence"
    if value("X-Auto-Response-Suppress") not in ("", "none"):
        return "X-Auto-Response-Suppress"
    for name in ("List-Id", "X-Autoreply", "X-Autorespond"):
        if name in mail:
            return name
    if "".join(_words(mail, "Return-Path").split()) == "<>":
        return "Return-Path"
    if _MACHINES.match(sender):
        return "From"
    return "multipart/report" if mail.get_content_type() == "multipart/report" else ""


def _is_bounce(mail: Message, sender: str) -> bool:
    if mail.get_content_type() != "multipart/report":
        return sender.startswith("mailer-daemon@")
    if str(mail.get_param("report-type") or "").lower() != "delivery-status":
        return False
    # RFC 3464 §2.3.3: what is only late, or went through, is no news.
    actions = [
        " ".join(_words(block, "Action").split()).lower()
        for part in mail.walk()
        if part.get_content_type() == "message/delivery-status"
        for block in (part.get_payload() if part.is_multipart() else [])
        if isinstance(block, Message)
    ]
    told = [action for action in actions if action]
    return not told or "failed" in told


def _parts(mail: Message, *, is_whole: bool) -> tuple[str, str, tuple[Attachment, ...]]:
    plain: list[str] = []
    html: list[str] = []
    attachments: list[Attachment] = []
    leaves = list(_leaves(mail, _DEEPEST))
    for part in leaves:
        kind = part.get_content_type()
        name = _cleaned(_filename(part))
        is_text = kind in ("text/plain", "text/html") and not name
        if is_text and part.get_content_disposition() != "attachment":
            (plain if kind == "text/plain" else html).append(_text(part))
        elif kind not in ("message/delivery-status", "text/rfc822-headers"):
            # Where a mail is cut off, its last part is.
            is_cut = not is_whole and part is leaves[-1]
            attachments.append(Attachment(_shown(name), _content(part), is_cut))
    return "\n".join(plain)[:_LONGEST_READ], "\n".join(html)[:_LONGEST_READ], tuple(attachments)


def _leaves(part: Message, depth: int) -> Iterator[Message]:
    """The parts that are no box of others; a mail within the mail is one of them."""
    count = 0
    waiting = [(part, depth)]
    while waiting and count < _MOST_PARTS:
        found, left = waiting.pop(0)
        is_box = found.get_content_maintype() == "multipart" and found.is_multipart()
        if not is_box:
            count += 1
            yield found
        elif left:
            inner = found.get_payload()
            waiting[:0] = [(one, left - 1) for one in inner if isinstance(one, Message)]


def _content(part: Message) -> bytes:
    if part.is_multipart():
        return b"".join(
            inner.as_bytes() for inner in part.get_payload() if isinstance(inner, Message)
        )
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    return _decoded(_content(part), part.get_content_charset() or "")


def _filename(part: Message) -> str:
    return _unfolded(part.get_filename() or "")


def _shown(name: str) -> str:
    """A file's name without its folders, short enough, its ending kept; empty for none."""
    bare = " ".join(re.split(r"[/\\]", name)[-1].split())
    stem, dot, ending = bare.rpartition(".")
    if len(bare) > _LONGEST_NAME and dot and len(ending) <= 8:
        return f"{stem[: _LONGEST_NAME - len(ending) - 2]}….{ending}"
    return bare[:_LONGEST_NAME]


def _words(mail: Message, name: str) -> str:
    """A header as text: whatever its encoding is said to be, or none at all; empty for none."""
    return _unfolded(next(iter(_lines(mail, name)), "")[:_LONGEST_HEADER])


def _lines(mail: Message, name: str) -> list[str]:
    """Every header of this name, its encoded words still encoded."""
    return [str(value) for value in mail.get_all(name, [])]


def _unfolded(text: str) -> str:
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    # What stands beside encoded words comes back as bytes in an encoding of Python's own.
    return "".join(
        piece
        if isinstance(piece, str)
        else _decoded(piece, charset)
        if charset
        else piece.decode("raw-unicode-escape", "replace")
        for piece, charset in pieces
    )


def _decoded(raw: bytes, charset: str) -> str:
    said = charset.strip().lower()
    said = _CHARSETS.get(said, said)
    names = [said] if _KNOWN.fullmatch(said) else []
    # What is said may be wrong; then what fits, and what fits nothing comes with its gaps.
    for name in dict.fromkeys([*names, "utf-8", "cp949"]):
        with contextlib.suppress(LookupError, ValueError):
            return raw.decode(name)
    return raw.decode("utf-8", "replace")


def _cleaned(text: str) -> str:
    """Without what a database, a page or an eye cannot take: NUL, controls, turned writing."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TURNING)
    text = text.encode("utf-8", "replace").decode()
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")


def _own_words(text: str) -> str:
    """The text without the mails it answers and its signature; all of it when nothing is left."""
    lines = [line.rstrip() for line in text.split("\n")]
    own: list[str] = []
    for line in lines:
        if line == "--" or _HISTORY.match(line.strip().lstrip("> ")):
            break
        own.append(line)
    while own and (not own[-1] or own[-1].startswith(">")):
        own.pop()
    kept = "\n".join(own if any(own) else lines)
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


class _Bare(HTMLParser):
    """Turns HTML into lines; quotes get the mark they have in plain text."""

    _SILENT = frozenset({"script", "style", "title", "template"})
    _BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = self._quoted = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in self._SILENT
        self._quoted += tag == "blockquote"
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in self._SILENT))
        self._break(tag)
        if tag == "blockquote":
            self._quoted = max(0, self._quoted - 1)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in self._BREAKS and not self._silent:
            self.said.append("\n" + "> " * bool(self._quoted))


def _bare(html: str) -> str:
    parser = _Bare()
    parser.feed(_NO_TAG.sub("&lt;", _COMMENT.sub("", html)))
    parser.close()
    lines = [re.sub(r"^(> ?)+$", ">", line.strip()) for line in "".join(parser.said).split("\n")]
    return "\n".join(lines)
