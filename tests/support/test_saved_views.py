"""An agent's own views of the queue: kept, renamed, dropped, and nobody else's business."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client

from payments.models import Payment
from portal.models import User
from support import queue, saved_views
from support.models import SavedView, Ticket
from support.queue import View
from tests.support.factories import open_ticket

QUEUE = "/admin/support/ticket/"
ADD = f"{QUEUE}views/add/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client, agent: User) -> Client:
    client.force_login(agent)
    return client


def kept(user: User, name: str = "내 보기", *, view: View = View.MINE, term: str = "") -> SavedView:
    return saved_views.save(user_id=user.pk, name=name, view=view, term=term)


def test_what_the_queue_shows_is_kept_under_a_name(desk: Client, ticket: Ticket) -> None:
    found = desk.get(QUEUE, {"q": "010-9000-0000"}).content.decode()
    assert "이 보기 저장" in found
    form = {"view": "todo", "q": "010-9000-0000", "name": "  김민지  님 "}

    answer = desk.post(ADD, form)

    saved = SavedView.objects.get()
    assert (saved.name, saved.term) == ("김민지 님", "010-9000-0000")
    assert answer["Location"] == f"{QUEUE}?saved={saved.pk}"
    page = desk.get(answer["Location"]).content.decode()
    assert ticket.number in page
    assert f'href="?saved={saved.pk}" class="desk-own" aria-current="page"' in page


def test_a_view_keeps_its_count_and_is_shown_beside_the_fixed_ones(
    desk: Client, agent: User, ticket: Ticket
) -> None:
    kept(agent, "새로 온 것", view=View.UNASSIGNED)

    page = desk.get(QUEUE).content.decode()

    own = page.partition('class="desk-own"')[2].partition("</a>")[0]
    assert "새로 온 것" in own
    assert '<span class="desk-count">1</span>' in own


def test_what_is_looked_for_is_kept_sealed(agent: User) -> None:
    kept(agent, term="010-9000-0000")

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(v)::text FROM support_savedview v")
        assert "9000" not in cursor.fetchone()[0]


def test_it_is_paged_like_any_other(
    desk: Client, agent: User, pay: Callable[..., Payment], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        open_ticket(pay(phone=f"+821090001{number:03}"))
    monkeypatch.setattr(queue.page, "__kwdefaults__", {"size": 2})
    saved = kept(agent, view=View.TODO)

    first = desk.get(QUEUE, {"saved": str(saved.pk)})
    query = {k: v[0] for k, v in parse_qs(urlsplit(first.context["onward"]).query).items()}
    second = desk.get(QUEUE, query)

    assert [len(page.context["rows"]) for page in (first, second)] == [2, 1]
    assert query["saved"] == str(saved.pk)
    assert f'href="?saved={saved.pk}"' in second.content.decode()


@pytest.mark.parametrize(
    ("name", "problem"),
    [("", "이름을 적어"), ("  ", "이름을 적어"), ("내 보기", "같은 이름의 보기가 이미")],
)
def test_a_name_is_needed_and_is_ones_own_once(
    desk: Client, agent: User, name: str, problem: str
) -> None:
    kept(agent)

    answer = desk.post(ADD, {"view": "mine", "name": name})

    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_two_agents_may_use_one_name(agent: User) -> None:
    other = User.objects.create_user("other@desk.test", is_staff=True)

    kept(agent)
    kept(other)

    assert SavedView.objects.count() == 2


def test_there_are_at_most_ten(desk: Client, agent: User) -> None:
    for number in range(SavedView.MOST):
        kept(agent, f"보기 {number}")

    answer = desk.post(ADD, {"view": "mine", "name": "하나 더"})

    assert answer.status_code == 422
    assert "10개까지 저장할 수 있어요" in answer.content.decode()


def test_it_is_renamed_and_dropped_on_a_page_of_its_own(desk: Client, agent: User) -> None:
    saved = kept(agent)
    other = kept(agent, "다른 보기")
    page = f"{QUEUE}views/{saved.pk}/"
    assert "지워도 요청은 그대로" in desk.get(page).content.decode()

    assert desk.post(page, {"name": "다른 보기"}).status_code == 422
    assert desk.post(page, {"name": "새 이름"}).status_code == 302
    saved.refresh_from_db()
    assert saved.name == "새 이름"

    assert desk.post(page, {"forget": "1"})["Location"] == QUEUE
    assert list(SavedView.objects.all()) == [other]


def test_a_strangers_view_does_not_exist(desk: Client) -> None:
    other = kept(User.objects.create_user("other@desk.test", is_staff=True), "남의 보기")

    assert desk.get(QUEUE, {"saved": str(other.pk)}).status_code == 404
    assert desk.get(f"{QUEUE}views/{other.pk}/").status_code == 404
    assert desk.post(f"{QUEUE}views/{other.pk}/", {"forget": "1"}).status_code == 404
    assert "남의 보기" not in desk.get(QUEUE).content.decode()


@pytest.mark.parametrize("saved", ["x", "0", "-1", "9" * 30, "1 OR 1=1"])
def test_an_address_we_never_gave_out_is_not_there(desk: Client, saved: str) -> None:
    assert desk.get(QUEUE, {"saved": saved}).status_code == 404


def test_an_unknown_view_cannot_be_kept(desk: Client) -> None:
    assert desk.post(ADD, {"view": "nothing", "name": "x"}).status_code == 404
