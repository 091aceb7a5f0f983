"""Free cases to who is on duty and has room: nearest deadline first, one by one, on record."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from payments.models import Payment
from portal import roles
from portal.models import User
from support import sharing, tickets
from support.models import Duty, Ticket
from tests.support.factories import NOW, open_ticket, reject

SHARE = "/admin/support/ticket/share/"
LEAD = "staff:77"
Make = Callable[..., Ticket]


@pytest.fixture
def make(pay: Callable[..., Payment]) -> Make:
    return lambda **facts: open_ticket(pay(**facts))


@pytest.fixture
def people(db: None) -> list[User]:
    found = []
    for name in "가나다":
        user = User.objects.create_user(f"{name}@desk.test", is_staff=True, name=name)
        user.groups.add(Group.objects.get(name=roles.AGENT))
        found.append(user)
    return found


def on_duty(**capacities: int) -> None:
    ids = {user.name: user.pk for user in User.objects.all()}
    sharing.set_duties({ids[name]: (True, capacity) for name, capacity in capacities.items()})


def share() -> sharing.Shared:
    return sharing.share(by=LEAD, now=NOW)


def held() -> dict[str, int]:
    return {agent.user.name: agent.has for agent in sharing.agents()}


def test_one_after_the_other_up_to_each_ones_capacity(people: list[User], make: Make) -> None:
    for _ in range(8):
        make()
    on_duty(가=2, 나=4)

    shared = share()

    assert held() == {"가": 2, "나": 4, "다": 0}
    assert shared.left == 2
    assert sum(shared.given.values()) == 6


def test_who_has_fewest_comes_first(people: list[User], make: Make) -> None:
    busy = people[0]
    for _ in range(3):
        tickets.claim(ticket_id=make().pk, user_id=busy.pk, by="staff:1", now=NOW)
    for _ in range(3):
        make()
    on_duty(가=10, 나=10)

    share()

    assert held() == {"가": 3, "나": 3, "다": 0}


def test_the_nearest_deadline_is_handed_out_first(people: list[User], make: Make) -> None:
    _later, soon = make(), make()
    Ticket.objects.filter(pk=soon.pk).update(cancel_cutoff_at=NOW + timedelta(hours=3))
    on_duty(가=1)

    share()

    assert list(Ticket.objects.filter(assignee=people[0])) == [soon]


def test_only_free_cases_with_work_in_them_are_handed_out(people: list[User], make: Make) -> None:
    taken, waiting, closed, free = (make() for _ in range(4))
    tickets.claim(ticket_id=taken.pk, user_id=people[2].pk, by="staff:1", now=NOW)
    tickets.ask_customer(ticket_id=waiting.pk, question="?", by="staff:1", now=NOW)
    reject(closed)
    on_duty(가=9)

    share()

    assert list(Ticket.objects.filter(assignee=people[0])) == [free]


def test_what_waits_takes_up_no_room(people: list[User], make: Make) -> None:
    waiting, free = make(), make()
    tickets.claim(ticket_id=waiting.pk, user_id=people[0].pk, by="staff:1", now=NOW)
    tickets.ask_customer(ticket_id=waiting.pk, question="?", by="staff:1", now=NOW)
    on_duty(가=1)

    assert share().given == {people[0].pk: 1}
    free.refresh_from_db()
    assert free.assignee == people[0]


def test_each_is_in_its_cases_history_as_the_leads_doing(people: list[User], make: Make) -> None:
    ticket = make()
    on_duty(가=1)

    share()

    event = ticket.events.get(event="ticket.assigned")
    assert (event.actor, event.reason) == (LEAD, f"staff:{people[0].pk}")


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, "no role"])
def test_who_may_not_work_on_cases_gets_none(
    people: list[User], make: Make, change: dict[str, bool] | str
) -> None:
    make()
    on_duty(가=5)
    if isinstance(change, dict):
        User.objects.filter(pk=people[0].pk).update(**change)
    else:
        people[0].groups.clear()

    assert share() == sharing.Shared({}, left=1)


def test_nobody_is_put_on_duty_who_is_not_of_the_desk(people: list[User]) -> None:
    stranger = User.objects.create_user("owner@shop.test")
    sharing.set_duties({stranger.pk: (True, 5), people[0].pk: (True, 5)})
    assert list(Duty.objects.values_list("user", flat=True)) == [people[0].pk]


# The page


@pytest.fixture
def lead(client: Client, db: None) -> Iterator[Client]:
    user = User.objects.create_user("lead@desk.test", is_staff=True, name="김팀장")
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_ticket", "assign_ticket"])
    )
    client.force_login(user)
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield client


def plan(people: list[User], *on: str, capacity: str = "5") -> dict[str, str]:
    facts = {f"capacity-{user.pk}": capacity for user in people}
    return facts | {f"duty-{user.pk}": "on" for user in people if user.name in on}


def test_saving_is_not_sharing(lead: Client, people: list[User], make: Make) -> None:
    make()
    lead.post(SHARE, plan(people, "가", capacity="7"))

    assert held() == dict.fromkeys("가나다", 0)
    page = lead.get(SHARE).content.decode()
    assert page.count("checked") == 1
    assert 'value="7"' in page


def test_sharing_says_who_got_how_many_and_what_is_left(
    lead: Client, people: list[User], make: Make
) -> None:
    for _ in range(3):
        make()

    page = lead.post(
        SHARE, plan(people, "가", "나", capacity="1") | {"share": "1"}, follow=True
    ).content.decode()

    assert "나눴어요: 가 1건, 나 1건" in page
    assert "요청이 1건 남았어요" in page


@pytest.mark.parametrize("capacity", ["", "x", "-1", "100", "1.5"])
def test_a_capacity_that_is_none_is_said_beside_it_and_nothing_is_saved(
    lead: Client, people: list[User], capacity: str
) -> None:
    answer = lead.post(SHARE, plan(people, "가", capacity=capacity) | {"share": "1"})

    assert answer.status_code == 422
    assert f"capacity-{people[0].pk}-error" in answer.content.decode()
    assert not Duty.objects.exists()
