"""Receipts and histories as PDF: one face, black on white, nothing that a printer would waste."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from payments.models import Payment
from payments.templatetags.won import moment, won
from portal.receipts.facts import Fact

_FONTS = Path(__file__).parent / "fonts"
_FACE = "Pretendard"
_INK, _QUIET, _LINE = (22, 35, 59), (74, 85, 107), (207, 197, 180)
_NAME_WIDTH = 38


def receipt(payment: Payment, facts: Iterable[Fact], *, now: datetime) -> bytes:
    """One payment on one page."""
    sheet = _Sheet(_("휴대폰 결제 영수증"), now=now)
    sheet.heading(_("휴대폰 결제 영수증"), payment.item_name, won(payment.amount_won))
    for fact in facts:
        sheet.fact(fact)
    sheet.small(
        _("이 문서는 {site}에서 내려받은 거래 확인 자료예요.").format(site=settings.SITE_NAME)
    )
    return bytes(sheet.output())


def history(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, line: str, note: str, now: datetime
) -> bytes:
    """A list of payments, newest first. The last column of a row is an amount."""
    sheet = _Sheet(_("휴대폰 결제 내역"), now=now)
    sheet.heading(_("휴대폰 결제 내역"), line, "")
    sheet.set_font(_FACE, size=9)
    with sheet.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=5,
        padding=1.5,
        col_widths=(26, 32, 52, 24, 26, 26),
        text_align=("LEFT", "LEFT", "LEFT", "LEFT", "RIGHT", "RIGHT"),
        headings_style=FontFace(emphasis="BOLD", color=_QUIET),
    ) as table:
        for cells in (head, *rows):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    sheet.small(note)
    return bytes(sheet.output())


class _Sheet(FPDF):
    """A4 in our face, with who we are at the foot of every page."""

    def __init__(self, title: str, *, now: datetime) -> None:
        super().__init__(format="A4")
        self.add_font(_FACE, "", _FONTS / "Pretendard-Regular.otf")
        self.add_font(_FACE, "B", _FONTS / "Pretendard-Bold.otf")
        self.set_title(title)
        self.set_author(settings.SITE_NAME)
        self.set_lang(get_language() or "ko")
        self.set_creation_date(now)
        self._made = moment(now)
        self.set_margins(18, 18, 18)
        self.set_auto_page_break(auto=True, margin=24)
        self.set_draw_color(*_LINE)
        self.add_page()

    def footer(self) -> None:
        """Where it comes from, when, and which page."""
        self.set_y(-16)
        self.set_font(_FACE, size=8)
        self.set_text_color(*_QUIET)
        words = (
            f"{settings.SITE_NAME} · {settings.DESK_PHONE} · {settings.DESK_EMAIL} · {self._made}"
        )
        self.cell(w=0, h=5, text=words)
        self.cell(w=0, h=5, text=str(self.page_no()), align=Align.R)

    def heading(self, title: str, subject: str, amount: str) -> None:
        """Title, what it is about, how much."""
        self.set_font(_FACE, size=10)
        self.set_text_color(*_QUIET)
        self._line(title, 6)
        self.set_text_color(*_INK)
        self.set_font(_FACE, style="B", size=15)
        self._line(subject, 9)
        if amount:
            self.set_font(_FACE, style="B", size=22)
            self._line(amount, 13)
        self.ln(4)

    def fact(self, fact: Fact) -> None:
        """A name on the left, its lines on the right."""
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2.5)
        top = self.get_y()
        self.set_font(_FACE, size=10)
        self.set_text_color(*_QUIET)
        self.cell(w=_NAME_WIDTH, h=6, text=fact.name)
        self.set_text_color(*_INK)
        self.set_y(top)
        for index, text in enumerate(part for part in fact.lines if part):
            self.set_x(self.l_margin + _NAME_WIDTH)
            self.set_font(_FACE, style="" if index else "B", size=9 if index else 10.5)
            self.multi_cell(w=0, h=6, text=text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(2.5)

    def small(self, text: str) -> None:
        """A quiet last line."""
        self.ln(5)
        self.set_font(_FACE, size=9)
        self.set_text_color(*_QUIET)
        self._line(text, 5)

    def _line(self, text: str, height: float) -> None:
        self.multi_cell(w=0, h=height, text=text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
