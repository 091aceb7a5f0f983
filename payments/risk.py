"""Which risks there are, how each is measured, and what the rules make of the facts. Pure.

A rule is a row (models/risk.py): a kind, a threshold, a window, what it does. It fires when its
measure passes the threshold. The strictest of those that fired decides; one in shadow is only
remembered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network

from payments.calendar import SEOUL
from payments.limits import Goods


class Kind(StrEnum):
    """What a rule measures (domain §9)."""

    # Failed verifications (wrong birthdate, carrier, code or PIN), those under way included.
    FAILURES_LINE = "FAILURES_LINE"
    FAILURES_NETWORK = "FAILURES_NETWORK"
    FAILURES_MERCHANT = "FAILURES_MERCHANT"
    # Over all numbers: what a sweep spends, and no limit per number sees (reliability §1).
    FAILURES_ALL = "FAILURES_ALL"
    # Tries to pay, whatever became of them.
    TRIES_LINE = "TRIES_LINE"
    TRIES_NETWORK = "TRIES_NETWORK"
    TRIES_MERCHANT = "TRIES_MERCHANT"
    # Payments of the line that were given back: buying to get at money (현금화).
    CYCLES = "CYCLES"
    # Goods that can be sold on, from the hour `threshold` (Korea) for the length of the window.
    NIGHT_CASH = "NIGHT_CASH"
    # Won of this payment.
    AMOUNT = "AMOUNT"
    # The SIM changed within the window; known only once the operator was asked.
    SIM_SWAP = "SIM_SWAP"


class Action(StrEnum):
    """What a rule does when it fires, from the mildest to the strictest."""

    SHADOW = "SHADOW"
    SECOND_FACTOR = "SECOND_FACTOR"
    REFUSE = "REFUSE"


class Outcome(StrEnum):
    """What becomes of the payment, from the mildest to the strictest."""

    ALLOW = "ALLOW"
    SECOND_FACTOR = "SECOND_FACTOR"
    REFUSE = "REFUSE"


FAILURES = (
    Kind.FAILURES_LINE,
    Kind.FAILURES_NETWORK,
    Kind.FAILURES_MERCHANT,
    Kind.FAILURES_ALL,
)
TRIES = (Kind.TRIES_LINE, Kind.TRIES_NETWORK, Kind.TRIES_MERCHANT)
COUNTED = frozenset({*FAILURES, *TRIES})
_OUTCOMES = {
    Action.SHADOW: Outcome.ALLOW,
    Action.SECOND_FACTOR: Outcome.SECOND_FACTOR,
    Action.REFUSE: Outcome.REFUSE,
}
_STRICTNESS = list(Outcome)
# As far as one household or one office reaches; a keyed hash of it is all that is kept.
_IPV4_BITS, _IPV6_BITS = 24, 48


@dataclass(frozen=True)
class Rule:
    """One row of the rules, as far as deciding needs it. The window is in seconds."""

    id: int
    kind: Kind
    threshold: int
    window_seconds: int
    action: Action


@dataclass(frozen=True)
class Facts:
    """What is known of one try to pay.

    `measured`: by rule id, what was counted for it, this try included. `is_sim_swapped` is None as
    long as the operator was not asked.
    """

    at: datetime
    amount_won: int
    goods: Goods
    measured: Mapping[int, int]
    is_sim_swapped: bool | None = None


@dataclass(frozen=True)
class Firing:
    """A rule that fired, and the figure that made it."""

    rule: Rule
    value: int


@dataclass(frozen=True)
class Decision:
    """What is done with the try, and every rule that fired, those in shadow too."""

    outcome: Outcome
    fired: tuple[Firing, ...]


def decide(facts: Facts, rules: Iterable[Rule]) -> Decision:
    """The strictest of what the firing rules ask for; ALLOW where none asks for anything."""
    fired = tuple(firing for rule in rules if (firing := _fire(rule, facts)) is not None)
    outcomes = [_OUTCOMES[firing.rule.action] for firing in fired]
    return Decision(max(outcomes, key=_STRICTNESS.index, default=Outcome.ALLOW), fired)


def is_night(at: datetime, *, from_hour: int, seconds: int) -> bool:
    """Whether a moment is within so many seconds from this hour on in Korea, over midnight too."""
    local = at.astimezone(SEOUL)
    since = (local.hour - from_hour) * 3600 + local.minute * 60 + local.second
    return since % 86_400 < seconds


def network_of(address: str) -> str:
    """The range an address belongs to: /24, or /48 of IPv6; empty for what is no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = _IPV6_BITS if isinstance(found, IPv6Address) else _IPV4_BITS
    return str(ip_network(f"{found}/{bits}", strict=False))


def sim_window_hours(rules: Iterable[Rule]) -> int:
    """How far back the operator is asked for a changed SIM (1–2400 hours); 0: not at all."""
    hours = [rule.window_seconds // 3600 for rule in rules if rule.kind == Kind.SIM_SWAP]
    return min(2400, max(1, *hours)) if hours else 0


def _fire(rule: Rule, facts: Facts) -> Firing | None:
    value = _measure(rule, facts)
    return Firing(rule, value) if value is not None else None


def _measure(rule: Rule, facts: Facts) -> int | None:
    """The figure the rule fires on; None when it does not fire."""
    match rule.kind:
        case Kind.SIM_SWAP:
            return 1 if facts.is_sim_swapped else None
        case Kind.NIGHT_CASH:
            hour = facts.at.astimezone(SEOUL).hour
            is_dark = is_night(facts.at, from_hour=rule.threshold, seconds=rule.window_seconds)
            return hour if is_dark and facts.goods == Goods.CASH_LIKE else None
        case Kind.AMOUNT:
            value = facts.amount_won
        case _:
            value = facts.measured.get(rule.id, 0)
    return value if value > rule.threshold else None
