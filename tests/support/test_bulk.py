"""One step on many cases: tried out without a trace, then done case by case, killed or not."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from payments.models import Message, OutboxEvent, Payment
from payments.models.claims import LEASE
from portal.models import User
from support import bulk, tickets
from support.bulk import Action, Order, Result
from support.models import BulkItem, BulkRun, Ticket, TicketEvent
from support.tasks import work_bulk
from tests.support.factories import NOW, open_ticket, reject

BULK = "/admin/support/ticket/bulk/"
WHY = "내려받은 상품이라 취소할 수 없어요."
Make = Callable[..., Ticket]


@pytest.fixture
def make(pay: Callable[..., Payment]) -> Make:
    return lambda **facts: open_ticket(pay(**facts))


@pytest.fixture
def lead(agent: User) -> User:
    agent.user_permissions.add(Permission.objects.get(codename="assign_ticket"))
    return User.objects.get(pk=agent.pk)


def rejecting(agent: User) -> Order:
    return Order(Action.REJECT, WHY, agent.pk)


def started(order: Order, *cases: Ticket, key: str = "key") -> BulkRun:
    seen = {case.pk: tickets.last_change(case) for case in cases}
    return bulk.start(order, seen, key=key, now=NOW)


def results(run: BulkRun) -> list[str]:
    return [item.result for item in bulk.items(run)]


def states(*cases: Ticket) -> list[str]:
    return [Ticket.objects.get(pk=case.pk).state for case in cases]


# The trial


def test_a_trial_says_what_would_happen_and_writes_nothing(agent: User, make: Make) -> None:
    able, decided = make(), make()
    reject(decided)
    before = [model.objects.count() for model in (TicketEvent, Message, OutboxEvent)]

    found = bulk.trial(rejecting(agent), [able.pk, decided.pk, 999_999], now=NOW)

    assert {row.ticket: row.result for row in found} == {
        able: Result.DONE,
        decided: Result.MOVED,
    }
    assert states(able) == ["NEW"]
    assert before == [model.objects.count() for model in (TicketEvent, Message, OutboxEvent)]


def test_what_a_trial_promises_the_run_does(lead: User, make: Make) -> None:
    first, again, stranger = make(), make(), make(phone="+821090000001")
    order = Order(Action.DUPLICATE, "두 번 보내셨어요.", lead.pk, first_id=first.pk)

    promised = [row.result for row in bulk.trial(order, [again.pk, stranger.pk, first.pk], now=NOW)]
    run = started(order, again, stranger, first)
    bulk.work(now=NOW)

    assert sorted(promised) == ["DONE", "NOT_SAME", "NOT_SAME"]
    assert sorted(results(run)) == sorted(promised)
    again.refresh_from_db()
    assert again.duplicate_of == first


# The run


def test_each_case_is_decided_with_the_one_reason(agent: User, make: Make) -> None:
    cases = [make() for _ in range(3)]
    run = started(rejecting(agent), *cases)

    assert bulk.work(now=NOW) == 3

    assert results(run) == ["DONE"] * 3
    assert states(*cases) == ["REJECTED"] * 3
    assert {Ticket.objects.get(pk=case.pk).decision_reason for case in cases} == {WHY}
    assert {Ticket.objects.get(pk=case.pk).decided_by for case in cases} == {f"staff:{agent.pk}"}


def test_a_case_that_changed_after_the_trial_is_left_alone(agent: User, make: Make) -> None:
    changed, same = make(), make()
    run = started(rejecting(agent), changed, same)
    tickets.claim(ticket_id=changed.pk, user_id=agent.pk, by="staff:9", now=NOW)

    bulk.work(now=NOW)

    assert dict(zip(run.items.values_list("ticket", flat=True), results(run), strict=True)) == {
        changed.pk: "CHANGED",
        same.pk: "DONE",
    }


def test_a_run_goes_on_where_a_killed_worker_stopped(agent: User, make: Make) -> None:
    cases = [make() for _ in range(3)]
    run = started(rejecting(agent), *cases)
    carry_out = bulk._carry_out
    calls = []

    def dies_in_the_second(*args: object, **facts: object) -> None:
        calls.append(1)
        carry_out(*args, **facts)  # type: ignore[arg-type]
        if len(calls) == 2:
            raise SystemExit

    with mock.patch.object(bulk, "_carry_out", dies_in_the_second), pytest.raises(SystemExit):
        bulk.work(now=NOW)

    assert results(run) == ["DONE", "", ""]
    assert states(*cases) == ["REJECTED", "NEW", "NEW"]
    assert bulk.work(now=NOW) == 1
    assert bulk.work(now=NOW + LEASE + timedelta(seconds=1)) == 1
    assert results(run) == ["DONE"] * 3
    assert Message.objects.filter(kind="ticket_rejected").count() == 0
    assert OutboxEvent.objects.filter(kind="ticket.rejected").count() == 3


def test_what_always_fails_is_given_up_and_keeps_nobody_waiting(agent: User, make: Make) -> None:
    bad, good = make(), make()
    run = started(rejecting(agent), bad, good)
    carry_out = bulk._carry_out

    def fails(order: Order, ticket_id: int, seen: int, **facts: object) -> None:
        if ticket_id == bad.pk:
            raise RuntimeError
        carry_out(order, ticket_id, seen, **facts)  # type: ignore[arg-type]

    with mock.patch.object(bulk, "_carry_out", fails):
        for hours in range(5):
            bulk.work(now=NOW + timedelta(hours=hours))

    item = run.items.get(ticket=bad)
    assert item.dead_at is not None
    assert item.attempts == len(bulk.BACKOFF_SECONDS) + 1
    assert states(bad, good) == ["NEW", "REJECTED"]


def test_two_workers_on_one_job_do_it_once(agent: User, make: Make) -> None:
    run = started(rejecting(agent), make())
    [item] = bulk.items(run)

    for _ in range(2):
        bulk._carry_on(item.pk, now=NOW)

    assert TicketEvent.objects.filter(to_state="REJECTED").count() == 1
    assert results(run) == ["DONE"]


def test_the_same_page_confirmed_twice_is_one_run(agent: User, make: Make) -> None:
    ticket = make()
    assert started(rejecting(agent), ticket) == started(rejecting(agent), ticket)
    assert BulkItem.objects.count() == 1


def test_the_permission_is_asked_again_when_the_work_is_done(lead: User, make: Make) -> None:
    cases = [make(), make()]
    run = started(Order(Action.ASSIGN, "", lead.pk, assignee_id=lead.pk), *cases)
    lead.user_permissions.remove(Permission.objects.get(codename="assign_ticket"))

    bulk.work(now=NOW)

    assert results(run) == ["NOT_ALLOWED"] * 2
    assert Ticket.objects.filter(assignee=None).count() == 2


def test_cases_are_not_handed_to_who_has_them_or_to_who_is_gone(lead: User, make: Make) -> None:
    mine, free = make(), make()
    tickets.claim(ticket_id=mine.pk, user_id=lead.pk, by=f"staff:{lead.pk}", now=NOW)
    gone = User.objects.create_user("gone@desk.test", is_staff=True, is_active=False)

    to_me = Order(Action.ASSIGN, "", lead.pk, assignee_id=lead.pk)
    to_nobody = Order(Action.ASSIGN, "", lead.pk, assignee_id=gone.pk)

    assert [row.result for row in bulk.trial(to_me, [mine.pk], now=NOW)] == [Result.ALREADY]
    assert [row.result for row in bulk.trial(to_nobody, [free.pk], now=NOW)] == [Result.NOBODY]


# The pages


@pytest.fixture
def desk(client: Client, agent: User) -> Iterator[Client]:
    client.force_login(agent)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def hidden(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', page)


def test_from_the_queues_boxes_to_the_last_result(desk: Client, make: Make) -> None:
    cases = [make() for _ in range(3)]
    queue = desk.get("/admin/support/ticket/").content.decode()
    assert hidden(queue, "case") == [f"{case.pk}" for case in cases]

    chosen = {"case": [f"{case.pk}" for case in cases]}
    first = desk.get(BULK, chosen).content.decode()
    assert "ASSIGN" not in first
    reject(cases[2])
    facts = chosen | {"action": "REJECT", "reason": WHY}
    trial = desk.post(BULK, facts).content.decode()
    assert "3건 가운데 2건을 할 수 있어요" in trial
    assert "지금은 할 수 없는 상태예요: 거절됨" in trial
    assert WHY in trial
    assert not BulkRun.objects.exists()

    sure = facts | {"case": hidden(trial, "case")[:2], "key": hidden(trial, "key")[0]}
    going = desk.post(BULK, sure | {"confirmed": "1"}, follow=True)
    page = going.content.decode()
    assert "2건 가운데 0건이 끝났어요" in page
    poll = re.findall(r'hx-get="([^"]+)"', page)[0]
    assert desk.get(poll, headers={"HX-Request": "true"}).status_code == 204

    assert f'href="{poll.partition("?")[0]}"' in desk.get("/admin/support/ticket/").content.decode()

    work_bulk()
    told = desk.get(poll, headers={"HX-Request": "true"}).content.decode()
    assert "2건 가운데 2건을 했어요" in told
    assert "hx-get" not in told
    assert f"/admin/support/ticket/{cases[0].pk}/change/" in told


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "action"),
        ({"action": "PAY"}, "action"),
        ({"action": "REJECT", "reason": " "}, "reason"),
        ({"action": "ASK", "reason": "900131-1234567"}, "reason"),
        ({"action": "DUPLICATE", "reason": WHY, "number": "C-1"}, "number"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(
    desk: Client, ticket: Ticket, wrong: dict[str, str], field: str
) -> None:
    answer = desk.post(BULK, {"case": f"{ticket.pk}"} | wrong)

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()


@pytest.mark.parametrize("chosen", [[], ["x"], [str(pk) for pk in range(1, bulk.MOST + 2)]])
def test_none_and_too_many_lead_back_to_the_queue(desk: Client, chosen: list[str]) -> None:
    assert desk.get(BULK, {"case": chosen}).headers["Location"] == "/admin/support/ticket/"


def test_going_back_keeps_what_was_typed(desk: Client, ticket: Ticket) -> None:
    facts = {"case": f"{ticket.pk}", "action": "ASK", "reason": "언제 들으셨나요?", "back": "1"}
    page = desk.post(BULK, facts).content.decode()

    assert "언제 들으셨나요?</textarea>" in page
    assert 'value="ASK" checked' in page


def test_only_leads_hand_many_cases_over(desk: Client, ticket: Ticket, agent: User) -> None:
    facts = {"case": f"{ticket.pk}", "action": "ASSIGN", "colleague": f"{agent.pk}"}
    assert desk.post(BULK, facts).status_code == 403

    agent.user_permissions.add(Permission.objects.get(codename="assign_ticket"))
    assert "1건 가운데 1건" in desk.post(BULK, facts).content.decode()
    assert desk.post(BULK, facts | {"colleague": "9"}).status_code == 422
