"""Bars for a report, as numbers an SVG template places.

Sales stand on the line, refunds hang from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import get_language

from portal.reports import DayFigures

WIDTH = 720
HEIGHT = 260
_LEFT = 72
_TOP = 12
_BOTTOM = 28
_LABELS = 5


@dataclass(frozen=True)
class Bar:
    """One day, in units of the view box."""

    row: DayFigures
    x: float
    width: float
    sales_y: float
    sales_height: float
    refunds_height: float


@dataclass(frozen=True)
class Tick:
    """A line across with its amount in few letters."""

    y: float
    label: str


@dataclass(frozen=True)
class Label:
    """A day under the chart."""

    x: float
    day: date


@dataclass(frozen=True)
class Chart:
    """Everything the template draws."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    zero_y: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH
    label_y: int = HEIGHT - 8


def chart(rows: Sequence[DayFigures]) -> Chart:
    """Bars of each day; an empty report still has its lines."""
    highest = max((row.figures.sales_won for row in rows), default=0)
    lowest = max((row.figures.refunds_won for row in rows), default=0)
    step = step_won(max(highest, lowest))
    above = max(1, -(-highest // step)) * step
    per_won = (HEIGHT - _TOP - _BOTTOM) / (above + lowest)
    zero_y = _TOP + above * per_won
    slot = (WIDTH - _LEFT) / max(1, len(rows))
    gap = slot * 0.36
    bars = tuple(
        Bar(
            row=row,
            x=round(_LEFT + slot * place + gap / 2, 2),
            width=round(slot - gap, 2),
            sales_y=round(zero_y - row.figures.sales_won * per_won, 2),
            sales_height=round(row.figures.sales_won * per_won, 2),
            refunds_height=round(row.figures.refunds_won * per_won, 2),
        )
        for place, row in enumerate(rows)
    )
    every = max(1, -(-len(rows) // _LABELS))
    return Chart(
        bars=bars,
        ticks=tuple(
            Tick(round(zero_y - amount * per_won, 2), compact(amount))
            for amount in range(0, above + 1, step)
        ),
        labels=tuple(
            Label(round(_LEFT + slot * (place + 0.5), 2), rows[place].day)
            for place in range(0, len(rows), every)
        ),
        zero_y=round(zero_y, 2),
    )


def step_won(highest_won: int) -> int:
    """The distance of the lines: 1, 2 or 5 times a power of ten, at most four of them."""
    step = 1_000
    while True:
        for factor in (1, 2, 5):
            if highest_won <= step * factor * 4:
                return step * factor
        step *= 10


def compact(amount_won: int) -> str:
    """`15만` of 150,000 won, `150k` for English readers; small amounts as they are."""
    if (get_language() or "ko").startswith("ko"):
        is_round = amount_won and amount_won % 10_000 == 0
        return f"{amount_won // 10_000:,}만" if is_round else f"{amount_won:,}"
    is_round = amount_won and amount_won % 1_000 == 0
    return f"{amount_won // 1_000:,}k" if is_round else f"{amount_won:,}"
