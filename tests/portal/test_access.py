"""Every address behind the doors of desk and shops, opened by everybody there is.

What is expected stands here by itself, not computed from `portal/roles.py`. A new address fails
until somebody has written down who may open it.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from payments.models import Alert, Message, OutboxEvent, Payment, Refund
from portal import roles, second_factor
from portal.models import User
from support import audit, buyers, tickets
from support.models import AuditEntry, DayException, InboundMail, Macro
from tests.portal import histories

pytestmark = pytest.mark.django_db

# Who gets in, by letter: Agent, Lead, Finance, Operator. Of a table: look, add, change, delete.
TABLES = {
    "payments/payment": ("ALFO", "", "", ""),
    "payments/refund": ("ALFO", "", "", ""),
    "payments/message": ("ALO", "", "", ""),
    "payments/outboxevent": ("LO", "", "", ""),
    "payments/carriercall": ("LO", "", "", ""),
    "payments/retentionproof": ("LO", "", "", ""),
    "payments/alert": ("LFO", "", "", ""),
    "payments/review": ("LFO", "", "", ""),
    "payments/failedrefund": ("LFO", "", "", ""),
    "payments/riskdecision": ("ALO", "", "", ""),
    "payments/riskrule": ("LO", "O", "", ""),
    "payments/limitterm": ("LFO", "O", "", ""),
    "payments/settlement": ("LF", "", "", ""),
    "payments/payout": ("LF", "", "", ""),
    "payments/settlementhold": ("LF", "LF", "LF", ""),
    "payments/remittance": ("F", "F", "", ""),
    "payments/feeterm": ("F", "F", "", ""),
    "payments/settlementterms": ("F", "", "F", ""),
    "payments/reconciliation": ("LFO", "", "", ""),
    "payments/difference": ("LFO", "", "LF", ""),
    "payments/merchant": ("LFO", "O", "O", ""),
    "portal/user": ("LO", "O", "O", ""),
    "support/ticket": ("AL", "", "AL", ""),
    "support/inboundmail": ("AL", "", "", ""),
    "support/dayexception": ("LO", "LO", "LO", "LO"),
    "support/macro": ("AL", "L", "L", "L"),
    "support/auditentry": ("LO", "", "", ""),
}
# Everything else under /admin/: method, address, and the status by letter.
PAGES = {
    ("get", ""): dict.fromkeys("ALFO", 200),
    ("get", "password_change/"): dict.fromkeys("ALFO", 302),
    ("get", "password_change/done/"): dict.fromkeys("ALFO", 200),
    ("get", "board/"): {"A": 403, "L": 200, "F": 403, "O": 403},
    ("get", "board.csv"): {"A": 403, "L": 200, "F": 403, "O": 403},
    ("get", "jsi18n/"): dict.fromkeys("ALFO", 200),
    # Nothing is offered for completion, nothing has a page of its own on the site.
    ("get", "autocomplete/"): dict.fromkeys("ALFO", 403),
    ("get", "r/<path:content_type_id>/<path:object_id>/"): dict.fromkeys("ALFO", 404),
    ("get", "^(?P<app_label>payments|portal|support)/$"): dict.fromkeys("ALFO", 200),
    ("get", "(?P<url>.*)$"): dict.fromkeys("ALFO", 404),
    ("get", "verify/"): {"A": 403, "L": 200, "F": 200, "O": 200},
    # The steps of a row: who may not take one never hears whether the row is there.
    ("get", "payments/message/<int:pk>/again/"): {"A": 403, "L": 302, "F": 403, "O": 302},
    ("get", "payments/outboxevent/<int:pk>/again/"): {"A": 403, "L": 403, "F": 403, "O": 200},
    ("get", "payments/payout/<int:pk>/again/"): {"A": 403, "L": 403, "F": 404, "O": 403},
    ("get", "payments/review/<int:pk>/ask/"): {"A": 403, "L": 403, "F": 403, "O": 200},
    ("get", "payments/review/<int:pk>/adopt/"): {"A": 403, "L": 403, "F": 403, "O": 302},
    ("get", "payments/review/<int:pk>/reverse/"): {"A": 403, "L": 403, "F": 403, "O": 302},
    ("get", "payments/failedrefund/<int:pk>/retry/"): {"A": 403, "L": 403, "F": 200, "O": 200},
    ("get", "payments/failedrefund/<int:pk>/bank/"): {"A": 403, "L": 403, "F": 200, "O": 200},
    ("get", "payments/alert/<int:pk>/close/"): {"A": 403, "L": 200, "F": 200, "O": 200},
    ("post", "payments/alert/<int:pk>/own/"): {"A": 403, "L": 302, "F": 302, "O": 302},
    ("get", "portal/user/<id>/password/"): {"A": 403, "L": 403, "F": 403, "O": 200},
    ("get", "portal/user/<int:pk>/second-factor/"): {"A": 403, "L": 200, "F": 403, "O": 200},
    ("get", "support/ticket/<int:pk>/reveal/"): {"A": 200, "L": 200, "F": 403, "O": 403},
    ("get", "support/ticket/new/"): {"A": 200, "L": 200, "F": 403, "O": 403},
    ("get", "support/ticket/<int:pk>/file/<str:signed>/"): {"A": 404, "L": 404, "F": 403}
    | {"O": 403},
    ("get", "support/ticket/views/add/"): {"A": 200, "L": 200, "F": 403, "O": 403},
    # One's own, so of a stranger's nobody hears whether it is there.
    ("get", "support/ticket/views/<int:pk>/"): {"A": 404, "L": 404, "F": 403, "O": 403},
    ("get", "support/ticket/share/"): {"A": 403, "L": 200, "F": 403, "O": 403},
    ("get", "support/ticket/bulk/"): {"A": 302, "L": 302, "F": 403, "O": 403},
    ("get", "support/ticket/bulk/<int:run>/"): {"A": 404, "L": 404, "F": 403, "O": 403},
    ("get", "support/ticket/<int:pk>/presence/"): {"A": 200, "L": 200, "F": 403, "O": 403},
    ("get", "support/ticket/<int:pk>/reveal/<int:entry>/"): {"A": 302, "L": 302, "F": 403}
    | {"O": 403},
}
SHOP = (
    "merchant/",
    "merchant/payments/",
    "merchant/payments/<str:reference>/",
    "merchant/refunds/",
    "merchant/settlements/",
    "merchant/settlements.csv",
    "merchant/settlement-lines.csv",
    "merchant/payments.csv",
    "merchant/days.csv",
    "merchant/buyers/",
    "merchant/buyers/<str:reference>/",
)
# Where a shop answers; everything else of it only shows.
ANSWERING = {"merchant/buyers/<str:reference>/": 200}
# One's own account: whoever is signed in, whatever their role.
ACCOUNT = {
    "account/": 200,
    "account/password/": 200,
    # Only for who signed in a moment ago, by the door.
    "account/second-factor/": "door",
    "account/second-factor/codes/": 405,
    "account/second-factor/off/": "door",
    "account/sessions/out/": 405,
    "account/sessions/<str:name>/out/": 405,
}
# Open to the world: they are the door, or the way out of it.
DOORS = {
    "merchant/login/",
    "merchant/login/code/",
    "merchant/logout/",
    "admin/login/",
    "admin/logout/",
}
NAMES = {"A": roles.AGENT, "L": roles.LEAD, "F": roles.FINANCE, "O": roles.OPERATOR}
NOBODY = 999_999


def addresses() -> Iterator[str]:
    """Every pattern there is behind the door."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for pattern in patterns:
            address = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif address.startswith(("admin/", "merchant/", "account/")):
                yield address

    return walk(get_resolver().url_patterns, "")


def of_table(table: str) -> dict[str, tuple[int, ...]]:
    """The addresses Django makes for a table: which of its four permissions opens them."""
    look, add, change, delete = range(4)
    return {
        f"{table}/": (look,),
        f"{table}/add/": (add,),
        f"{table}/<path:object_id>/history/": (look, change),
        f"{table}/<path:object_id>/change/": (look, change),
        f"{table}/<path:object_id>/delete/": (delete,),
    }


@pytest.fixture
def rows() -> dict[str, int | str]:
    """One row of the tables whose pages look at their row."""
    now = timezone.now()
    paid: Payment = histories.sale(histories.shop("melody"), at=now)
    ticket = tickets.open_ticket(
        payment=paid, request=tickets.Request(reason="OTHER"), language="ko", now=now
    )
    buyers.ask(payment=paid, question="누가 샀나요?", language="ko", now=now)
    message = Message.objects.create(
        kind="paid", channel="SMS", dedupe_key="one", created_at=now, due_at=now, payment=paid
    )
    entry = audit.record(
        AuditEntry.Action.REVEALED, actor="staff:0", subject="", at=now - timedelta(days=1)
    )
    day = DayException.objects.create(day="2026-12-24", name="쉬는 날")
    plain = User.objects.create_user("plain@desk.test", is_staff=True)
    return {
        "payments/payment": paid.pk,
        "payments/merchant": paid.merchant_id,
        "payments/message": message.pk,
        "support/ticket": ticket.pk,
        "support/auditentry": entry.pk,
        "support/dayexception": day.pk,
        "support/inboundmail": InboundMail.objects.create(
            digest="one", verdict="OWN", received_at=now
        ).pk,
        "support/macro": Macro.objects.create(name="인사", text="안녕하세요").pk,
        "portal/user": plain.pk,
        **_rows_for_people(paid, at=now),
        "merchant": paid.reference,
    }


def _rows_for_people(paid: Payment, *, at: datetime) -> dict[str, int]:
    """What waits for somebody: a payment in REVIEW, a failed refund, what was given up."""
    review = histories.payment(paid.merchant, at=at, state="REVIEW")
    review.events.create(from_state="UNKNOWN", to_state="REVIEW", actor="resolver", occurred_at=at)
    refund = histories.refund(histories.sale(paid.merchant, at=at), at=at)
    Refund.objects.filter(pk=refund.pk).update(state="FAILED", failure_code="UNMAPPED")
    refund.events.create(from_state="SENDING", to_state="FAILED", actor="carrier", occurred_at=at)
    event = OutboxEvent.objects.create(
        kind="payment.paid", subject_id=paid.pk, created_at=at, due_at=at, dead_at=at
    )
    Alert.note(Alert.Kind.GIVEN_UP, ref=f"event:{event.pk}", detail="", at=at)
    return {
        "payments/review": review.pk,
        "payments/failedrefund": refund.pk,
        "payments/outboxevent": event.pk,
        "payments/alert": Alert.objects.get().pk,
    }


@pytest.fixture
def people(rows: dict[str, int | str]) -> dict[str, Client]:
    """Somebody of each role, the shop's owner (M), and a stranger (-)."""
    found = {"-": Client(), "M": Client()}
    owner = User.objects.create_user("owner@shop.test", merchant_id=rows["payments/merchant"])
    found["M"].force_login(owner)
    for letter, role in NAMES.items():
        user = User.objects.create_user(f"{letter}@desk.test", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        found[letter] = Client()
        found[letter].force_login(user)
    return found


def filled(address: str, rows: dict[str, int | str]) -> str:
    """The address with a row of its table in it; a number of no row where there is none."""
    table = "/".join(address.split("/")[:2])
    address = address.replace("^(?P<app_label>payments|portal|support)/$", "payments/")
    address = address.replace("(?P<url>.*)$", "no/such/page/")
    address = address.replace("<int:entry>", str(rows["support/auditentry"]))
    return re.sub("<[^>]+>", str(rows.get(table, NOBODY)), address)


def filled_anywhere(address: str, rows: dict[str, int | str]) -> str:
    """The same for every door."""
    if address.startswith("admin/"):
        return f"admin/{filled(address[6:], rows)}"
    return re.sub("<[^>]+>", str(rows["merchant"]), address)


def status(client: Client, method: str, url: str) -> int | str:
    """What comes back; `door` when it is the way to the door."""
    answer = getattr(client, method)(url)
    is_door = answer.status_code == 302 and "/login/" in answer["Location"]
    return "door" if is_door else int(answer.status_code)


def is_in(client: Client, url: str) -> bool:
    """Whether the page opens; to say that a row is not there is to have opened it."""
    found = status(client, "get", url)
    assert found in (200, 302, 403), (url, found)
    return found != 403


def test_every_address_has_somebody_it_is_for() -> None:
    known = {f"admin/{address}" for table in TABLES for address in of_table(table)}
    known |= {f"admin/{table}/<path:object_id>/" for table in TABLES}
    known |= {f"admin/{address}" for _, address in PAGES}
    assert set(addresses()) == known | set(SHOP) | set(ACCOUNT) | DOORS


def test_strangers_and_shops_find_every_page_of_the_desk_closed(
    people: dict[str, Client], rows: dict[str, int | str]
) -> None:
    open_to = [
        (who, method, address)
        for address in sorted(
            {address for address in addresses() if address[:6] == "admin/"} - DOORS
        )
        for who in "-M"
        for method in ("get", "post")
        if status(people[who], method, f"/admin/{filled(address[6:], rows)}") != "door"
    ]
    assert open_to == []


@pytest.mark.parametrize("table", TABLES)
def test_a_table_opens_to_its_roles(
    people: dict[str, Client], rows: dict[str, int | str], table: str
) -> None:
    expected = TABLES[table]
    wrong = []
    for address, by in of_table(table).items():
        # Of a row that is not there Django tells everybody just that, before it asks who they are.
        if address.endswith("/history/") and table not in rows:
            continue
        may = {letter for which in by for letter in expected[which]}
        url = f"/admin/{filled(address, rows)}"
        wrong += [(who, address) for who in NAMES if is_in(people[who], url) != (who in may)]
    changing = f"/admin/{table}/{rows.get(table, NOBODY)}/change/"
    wrong += [
        (who, "POST", changing)
        for who in NAMES
        if (status(people[who], "post", changing) == 403) != (who not in expected[2])
    ]
    assert wrong == []


@pytest.mark.parametrize(("method", "address"), PAGES)
def test_another_page_of_the_desk_answers_each_role(
    people: dict[str, Client], rows: dict[str, int | str], method: str, address: str
) -> None:
    url = f"/admin/{filled(address, rows)}"
    found = {who: status(people[who], method, url) for who in NAMES}
    assert found == PAGES[method, address]


@pytest.mark.parametrize("address", SHOP)
def test_a_shops_page_opens_to_its_owner_only(
    people: dict[str, Client], rows: dict[str, int | str], address: str
) -> None:
    url = "/" + re.sub("<[^>]+>", str(rows["merchant"]), address)
    found = {who: status(client, "get", url) for who, client in people.items()}
    assert found == {"-": "door", "M": 200} | dict.fromkeys(NAMES, 403)
    assert status(people["M"], "post", url) == ANSWERING.get(address, 405)
    if address in ANSWERING:
        assert {status(people[who], "post", url) for who in NAMES} == {403}


@pytest.mark.parametrize("address", ACCOUNT)
def test_a_page_of_ones_account_opens_to_whoever_is_signed_in(
    people: dict[str, Client], address: str
) -> None:
    url = f"/{address.replace('<str:name>', 'nowhere')}"
    found = {who: status(client, "get", url) for who, client in people.items()}
    assert found.pop("-") == (405 if ACCOUNT[address] == 405 else "door")
    assert set(found.values()) == {ACCOUNT[address]}
    assert status(people["-"], "post", url) in ("door", 405)


def test_outside_the_sandbox_no_address_opens_to_staff_without_a_second_factor(
    people: dict[str, Client], rows: dict[str, int | str], settings: Any
) -> None:
    settings.SANDBOX = False
    found = {
        (who, method, address): getattr(people[who], method)(f"/{filled_anywhere(address, rows)}")
        for address in set(addresses()) - DOORS - {"account/second-factor/"}
        for who in NAMES
        for method in ("get", "post")
    }
    to_set_up = ("/account/second-factor/", "")
    open_to = {
        place
        for place, answer in found.items()
        if (answer.headers.get("Location"), answer.content.decode()) != to_set_up
    }
    assert len(found) > 8 * len(TABLES)
    assert open_to == set()


def test_outside_the_sandbox_a_second_factor_opens_what_the_role_opens(
    people: dict[str, Client], rows: dict[str, int | str], settings: Any
) -> None:
    settings.SANDBOX = False
    for client in people.values():
        session = client.session
        session[second_factor.IN_SESSION] = True
        session.save()

    test_another_page_of_the_desk_answers_each_role(people, rows, "get", "board/")
    assert status(people["M"], "get", "/merchant/") == 200


# The table of roles


def test_every_permission_of_the_table_exists() -> None:
    known = {
        f"{app}.{codename}"
        for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert set(roles.MATRIX) - known == set()


@pytest.mark.parametrize("role", NAMES.values())
def test_a_roles_group_has_what_its_column_says_and_no_more(role: str) -> None:
    group = Group.objects.get(name=role)
    group.permissions.set(Permission.objects.filter(codename="delete_user"))
    roles.agree()
    found = group.permissions.values_list("content_type__app_label", "codename")
    assert {".".join(pair) for pair in found} == set(roles.of(role))


def test_an_operator_cannot_make_superusers_or_change_one(people: dict[str, Client]) -> None:
    boss = User.objects.create_superuser("boss@desk.test", histories.PASSWORD)
    operator = people["O"]
    assert status(operator, "post", f"/admin/portal/user/{boss.pk}/change/") == 403
    assert status(operator, "get", f"/admin/portal/user/{boss.pk}/password/") == 403
    plain = User.objects.get(email="plain@desk.test")
    form = {"email": plain.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert operator.post(f"/admin/portal/user/{plain.pk}/change/", form).status_code == 302
    plain.refresh_from_db()
    assert plain.is_staff
    assert not plain.is_superuser


def test_operators_cannot_raise_themselves(people: dict[str, Client]) -> None:
    mine = User.objects.get(email="o@desk.test")
    lead = Group.objects.get(name=roles.LEAD)
    form = {"email": mine.email, "is_active": "on", "is_staff": "on", "groups": [lead.pk]}
    people["O"].post(f"/admin/portal/user/{mine.pk}/change/", form)
    assert [group.name for group in mine.groups.all()] == [roles.OPERATOR]
