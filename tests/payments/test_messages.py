"""How messages are brought to people: tries, unknown outcomes, giving up, sending again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

from payments import deliveries, notifications
from payments.messengers import kinds
from payments.messengers.base import Letter, NotTaken, OutcomeUnknown, Refused
from payments.messengers.kinds import KINDS, Delivery
from payments.models import Alert, Message, MessageDelivery, Payment
from tests import factories, phones

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 23, 5, 5, tzinfo=UTC)
PHONE = "+821090000000"
TEMPLATES = Path(site.BASE_DIR) / "templates" / "messages"


@dataclass
class FakeSender:
    """Does what it is told, try by try; takes everything once nothing is left to do."""

    takes_each_id_once: bool = False
    will: list[Callable[[Letter], str] | Exception] = field(default_factory=list)
    found: str | None = None
    cannot_ask: bool = False
    taken: list[Letter] = field(default_factory=list)
    tries: int = 0

    def send(self, letter: Letter, *, now: datetime) -> str:
        self.tries += 1
        step = self.will.pop(0) if self.will else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step(letter)
        self.taken.append(letter)
        return f"provider-{len(self.taken)}"

    def find(self, letter: Letter, *, since: datetime, now: datetime) -> str | None:
        if self.cannot_ask:
            raise NotTaken("could not ask")
        return self.found

    def takes_and_falls_silent(self, letter: Letter) -> str:
        self.taken.append(letter)
        raise OutcomeUnknown("ReadTimeout")


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeSender]:
    both = {"SMS": FakeSender(), "EMAIL": FakeSender()}
    monkeypatch.setattr(deliveries, "sender_of", both.__getitem__)
    return both


@pytest.fixture
def sms(senders: dict[str, FakeSender]) -> FakeSender:
    return senders["SMS"]


def paid_payment() -> Payment:
    payment = factories.opened(now=NOW)
    payment.carrier = "SKT"
    payment.paid_at, payment.billing_month = NOW, "2026-11"
    return payment


def receipt(email: str = "") -> Message:
    """The text of a receipt; its address when there is one."""
    payment = paid_payment()
    notifications.notify(
        "paid",
        dedupe_key=f"paid:{payment.pk}",
        phone=PHONE,
        email=email,
        context={"payment": payment, "merchant": payment.merchant, "cancel_until": NOW},
        payment=payment,
        now=NOW,
    )
    return Message.objects.get(channel="SMS", payment=payment)


def code() -> Message:
    notifications.start_verification(phone=PHONE, now=NOW)
    return Message.objects.get(kind="verification")


def after(message: Message, **delta: float) -> Message:
    """Send what is due that long after NOW, and read the message anew."""
    deliveries.send_due(now=NOW + timedelta(**delta))
    message.refresh_from_db()
    return message


def outcomes(message: Message) -> list[str]:
    return [row.outcome for row in message.deliveries.order_by("id")]


def test_each_kind_with_a_template_has_its_semantics_declared() -> None:
    named = {path.name.partition(".")[0] for path in TEMPLATES.iterdir()}

    assert len(named) > 8
    assert named <= set(KINDS)


SEMANTICS = [
    # kind, provider, what it will do at first, texts that leave in the end, state in the end
    ("paid", "knows our id", "falls silent", 2, "done"),
    ("paid", "can be asked, took it", "falls silent", 1, "done"),
    ("paid", "can be asked, knows none", "falls silent", 2, "done"),
    ("paid", "cannot be asked", "falls silent", 1, "waiting"),
    ("verification", "knows our id", "falls silent", 2, "done"),
    ("verification", "can be asked, took it", "falls silent", 1, "done"),
    ("verification", "can be asked, knows none", "falls silent", 1, "dead"),
    ("verification", "cannot be asked", "falls silent", 1, "waiting"),
    ("paid", "can be asked, knows none", "is busy", 1, "done"),
    ("verification", "can be asked, knows none", "is busy", 1, "done"),
    ("paid", "can be asked, knows none", "refuses", 0, "dead"),
    ("verification", "can be asked, knows none", "refuses", 0, "dead"),
]


@pytest.mark.parametrize(("kind", "provider", "does", "left", "state"), SEMANTICS)
def test_what_happens_after_a_try_is_declared_by_the_kind(
    sms: FakeSender, kind: str, provider: str, does: str, left: int, state: str
) -> None:
    sms.takes_each_id_once = provider == "knows our id"
    sms.found = "M4" if "took it" in provider else None
    sms.cannot_ask = provider == "cannot be asked"
    first = {
        "falls silent": sms.takes_and_falls_silent,
        "is busy": NotTaken("HTTP 429"),
        "refuses": Refused("status 1062"),
    }
    sms.will = [first[does]]  # type: ignore[list-item]
    message = receipt() if kind == "paid" else code()

    after(message, seconds=0)
    after(message, seconds=2)

    assert len(sms.taken) == left
    assert len({letter.message_id for letter in sms.taken}) <= 1, "the same id at every try"
    standing = "done" if message.done_at else "dead" if message.dead_at else "waiting"
    assert standing == state


def test_a_worker_that_died_after_the_call_leaves_an_unknown_outcome(sms: FakeSender) -> None:
    message = code()
    # What a kill between the call and its answer leaves behind: a try on record, a lease.
    Message.objects.update(attempts=1, lease_expires_at=NOW + timedelta(seconds=60))
    MessageDelivery.objects.create(message=message, attempted_at=NOW, outcome="SENT")

    assert not after(message, seconds=59).dead_at, "its lease still runs"
    after(message, seconds=61)

    assert sms.tries == 0, "a code is not sent twice"
    assert message.problem == "UNKNOWN_OUTCOME"


def test_a_worker_that_slept_through_its_lease_sends_nothing(
    sms: FakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = receipt()
    claim = deliveries._claim

    def claim_and_sleep(now: datetime) -> list[Message]:
        claimed = claim(now)
        # Meanwhile the lease runs out and another worker does the work.
        monkeypatch.setattr(deliveries, "_claim", claim)
        deliveries.send_due(now=now + timedelta(seconds=61))
        return claimed

    monkeypatch.setattr(deliveries, "_claim", claim_and_sleep)

    assert deliveries.send_due(now=NOW) == 0
    assert len(sms.taken) == 1
    assert outcomes(message) == ["ACCEPTED"]


def test_waits_grow_and_the_ninth_failure_is_the_last(sms: FakeSender) -> None:
    message = receipt()
    sms.will = [NotTaken("HTTP 429")] * 20
    at, waits = NOW, []

    while message.dead_at is None:
        deliveries.send_due(now=at)
        message.refresh_from_db()
        waits.append((message.due_at - at).total_seconds())
        at = max(at, message.due_at)

    assert waits[:-1] == list(deliveries.BACKOFF_SECONDS)
    assert sms.tries == len(deliveries.BACKOFF_SECONDS) + 1
    assert (message.problem, message.owner) == ("HTTP 429", "DESK")


def test_a_provider_that_asks_for_patience_gets_it(sms: FakeSender) -> None:
    message = receipt()
    sms.will = [NotTaken("HTTP 429", wait_seconds=120)]

    after(message, seconds=0)

    assert message.due_at == NOW + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("make", "just_in_time", "too_late"),
    [
        (receipt, {"hours": 23, "minutes": 59}, {"hours": 24}),
        (code, {"seconds": 179}, {"minutes": 3}),
    ],
)
def test_it_is_dead_after_its_lifetime_even_if_nobody_tried(
    sms: FakeSender,
    make: Callable[[], Message],
    just_in_time: dict[str, float],
    too_late: dict[str, float],
) -> None:
    assert after(make(), **just_in_time).done_at
    Message.objects.update(done_at=None)

    message = after(Message.objects.get(), **too_late)

    assert (message.done_at, message.problem) == (None, "TOO_LATE")
    assert sms.tries == 1


def test_no_try_is_planned_after_the_deadline(sms: FakeSender) -> None:
    message = code()
    sms.will = [NotTaken("ConnectError")] * 9

    for seconds in (0, 2, 7, 22, 82):
        after(message, seconds=seconds)

    assert message.dead_at == NOW + timedelta(seconds=82), "the next wait of 300 s is too long"
    assert message.owner == "NOBODY"


def test_a_code_is_forgotten_once_it_is_out_or_worthless(sms: FakeSender) -> None:
    assert after(code(), seconds=0).text == ""
    sms.will = [Refused("status 1062")]
    notifications.start_verification(phone=PHONE, now=NOW)
    second = Message.objects.latest("pk")
    assert second.text != ""
    assert after(second, seconds=0).text == ""


def test_a_receipt_is_kept_after_it_was_sent(sms: FakeSender) -> None:
    assert "멜로디 뮤직" in after(receipt(), seconds=0).text


def test_a_mail_takes_over_from_a_dead_text_when_an_address_is_known(
    senders: dict[str, FakeSender],
) -> None:
    senders["SMS"].will = [Refused("status 1061")]
    payment = paid_payment()
    # `reversed` has no mail of its own here; with one, that one goes out anyway.
    fields = {"kind": "reversed", "payment": payment, "due_at": NOW, "created_at": NOW}
    text = Message(
        **fields, channel="SMS", dedupe_key="r:1:sms", deadline_at=NOW + timedelta(hours=24)
    )
    text.to, text.text, text.fallback = PHONE, "결제는 이루어지지 않았습니다.", "lee@payer.test"
    text.save()

    after(text, seconds=0)
    deliveries.send_due(now=NOW + timedelta(seconds=1))

    assert (text.problem, text.owner) == ("status 1061", "NOBODY")
    [mail] = senders["EMAIL"].taken
    assert (mail.to, mail.text) == ("lee@payer.test", "결제는 이루어지지 않았습니다.")
    assert mail.subject == "[Phonebill] 결제 알림"


def test_the_address_of_last_resort_is_kept_only_when_no_mail_goes_out_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert receipt(email="lee@payer.test").fallback == ""
    monkeypatch.setattr(notifications, "_mail", lambda *_: None)
    assert receipt(email="lee@payer.test").fallback == "lee@payer.test"


def test_a_dead_text_with_a_mail_of_its_own_is_still_the_desks(
    senders: dict[str, FakeSender],
) -> None:
    senders["SMS"].will = [Refused("status 1061")]
    text = receipt(email="lee@payer.test")

    after(text, seconds=0)

    assert text.owner == "DESK"
    assert len(senders["EMAIL"].taken) == 1


def test_a_text_with_a_strange_link_does_not_leave(sms: FakeSender) -> None:
    message = receipt()
    message.text = "무료 쿠폰 www.evil.test 2,200원"
    message.save()

    after(message, seconds=0)

    assert sms.tries == 0
    assert (message.problem, message.owner) == ("FORBIDDEN_LINK", "DESK")


@pytest.mark.parametrize(("kind", "texts"), [("ticket_received", 1), ("paid", 0)])
def test_our_signed_link_leaves_only_with_a_kind_that_may_link(
    sms: FakeSender, kind: str, texts: int
) -> None:
    message = receipt()
    message.kind = kind
    message.text = f"진행 보기: {site.PUBLIC_URL}/support/track/{'A' * 43}/"
    message.save()

    after(message, seconds=0)

    assert len(sms.taken) == texts


def test_one_that_cannot_be_read_does_not_keep_the_others_waiting(sms: FakeSender) -> None:
    broken, fine = receipt(), receipt()
    Message.objects.filter(pk=broken.pk).update(text_sealed="k9:AAAA")

    assert deliveries.send_due(now=NOW) == 1
    broken.refresh_from_db()
    assert (broken.dead_at, broken.problem) == (None, "Unreadable")
    fine.refresh_from_db()
    assert fine.done_at


def test_a_dead_message_is_sent_again_by_somebody_who_then_owns_it(sms: FakeSender) -> None:
    sms.will = [Refused("status 1062"), Refused("status 1062")]
    message = after(receipt(), seconds=0)
    later = NOW + timedelta(days=3)

    deliveries.send_again(message.pk, reason="다시 보내 달라 함", by="agent@demo.test", now=later)
    message.refresh_from_db()
    assert (message.dead_at, message.attempts) == (None, 0)
    deliveries.send_due(now=later)
    message.refresh_from_db()
    assert message.owner == "agent@demo.test", "it died again: whoever tried deals with it"
    deliveries.send_again(message.pk, reason="다시 보내 달라 함", by="agent@demo.test", now=later)
    deliveries.send_due(now=later)

    message.refresh_from_db()
    assert message.done_at == later
    assert outcomes(message) == ["REFUSED", "REFUSED", "ACCEPTED"]


def test_a_dead_message_of_the_desk_raises_an_alert_that_ends_when_it_gets_through(
    sms: FakeSender,
) -> None:
    sms.will = [Refused("status 1062"), Refused("status 1062")]
    message, _ = after(receipt(), seconds=0), after(code(), seconds=0)

    alert = Alert.objects.get()
    assert (alert.kind, alert.ref) == ("GIVEN_UP", f"message:{message.pk}")
    assert (alert.detail, alert.closed_at) == ("paid SMS: status 1062", None)

    deliveries.send_again(message.pk, reason="다시 보내 달라 함", by="agent@demo.test", now=NOW)
    after(message, seconds=1)

    alert.refresh_from_db()
    assert alert.closed_by == "agent@demo.test"


def test_only_a_dead_message_whose_words_are_left_is_sent_again(sms: FakeSender) -> None:
    def refusal(message: Message) -> str:
        with pytest.raises(deliveries.UnableToSend) as caught:
            deliveries.send_again(
                message.pk, reason="다시 보내 달라 함", by="agent@demo.test", now=NOW
            )
        return caught.value.code

    sms.will = [Refused("1062")] * 2
    waiting, dead_code = receipt(), code()
    assert refusal(waiting) == "NOT_DEAD"
    after(waiting, seconds=0)
    assert refusal(dead_code) == "SECRET"
    Message.objects.filter(pk=waiting.pk).update(text_sealed="")
    assert refusal(waiting) == "FORGOTTEN"


def test_logs_name_the_row_and_the_problem_and_no_person(
    sms: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    sms.will = [Refused("status 1062"), NotTaken("HTTP 429"), ValueError(PHONE)]
    receipt(), receipt(), receipt()

    with caplog.at_level(logging.INFO):
        deliveries.send_due(now=NOW)

    lines = [record.getMessage() for record in caplog.records]
    assert any("status 1062" in line for line in lines)
    assert not [line for line in lines if "9000" in line or "멜로디" in line]


def test_kinds_that_may_be_sent_twice_and_those_that_may_not() -> None:
    once = {kind for kind, row in KINDS.items() if row.delivery is Delivery.AT_MOST_ONCE}

    assert once == {"verification"}
    assert kinds.of("unheard of").delivery is Delivery.AT_LEAST_ONCE


def test_the_sandbox_takes_each_id_once_even_when_its_answer_is_lost(operator: Any) -> None:
    message = receipt()
    deliveries.send_due(now=NOW)
    Message.objects.update(done_at=None, lease_expires_at=None)

    deliveries.send_due(now=NOW + timedelta(seconds=5))

    assert phones.texts(f"{operator.base_url}/sandbox", "0000").count(message.text) == 1
