"""One tap after a case: asked once, changeable for a week, on the leads' board."""

from datetime import timedelta
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Message
from support import ratings, tickets
from support.models import Rating, Ticket
from support.states import TicketState
from tests.support.factories import NOW, approve, reject

ASKED = "상담은 어떠셨어요?"


def rate(ticket: Ticket, score: str = "GOOD", text: str = "", *, after: timedelta | None = None):  # type: ignore[no-untyped-def]
    at = NOW + (after or timedelta(0))
    return ratings.rate(ticket_id=ticket.pk, score=score, text=text, now=at)


@pytest.fixture
def closed(ticket: Ticket) -> Ticket:
    reject(ticket)
    return Ticket.objects.get(pk=ticket.pk)


def track(ticket: Ticket) -> str:
    return f"/support/track/{ticket.token}/"


def test_an_open_case_is_not_rated(ticket: Ticket) -> None:
    with pytest.raises(ratings.NotNow):
        rate(ticket)
    approve(ticket)
    with pytest.raises(ratings.NotNow):
        rate(ticket)


@pytest.mark.parametrize("state", ["WITHDRAWN", "DUPLICATE"])
def test_what_no_agent_answered_is_not_rated(closed: Ticket, state: str) -> None:
    Ticket.objects.filter(pk=closed.pk).update(state=TicketState(state))
    with pytest.raises(ratings.NotNow):
        rate(closed)


def test_what_was_cancelled_without_an_agent_is_not_rated(closed: Ticket) -> None:
    Ticket.objects.filter(pk=closed.pk).update(decided_by=tickets.SHOPPER)
    with pytest.raises(ratings.NotNow):
        rate(closed)


def test_one_row_a_case_changeable_for_seven_days(closed: Ticket) -> None:
    rate(closed, "GOOD")
    week = ratings.CHANGEABLE
    rate(closed, "POOR", " 답이 늦었어요. ", after=week - timedelta(microseconds=1))
    with pytest.raises(ratings.NotNow):
        rate(closed, "FAIR", after=week)

    [rating] = Rating.objects.all()
    assert (rating.score, rating.text, rating.agent) == ("POOR", "답이 늦었어요.", "staff:1")
    assert rating.given_at == NOW


def test_a_second_round_is_not_asked_again_and_keeps_whom_it_was_about(closed: Ticket) -> None:
    rate(closed, "POOR")
    tickets.reopen(ticket_id=closed.pk, reason="다시", by="staff:2", now=NOW)
    tickets.reject(ticket_id=closed.pk, reason="그래도", by="staff:2", now=NOW)

    closed.refresh_from_db()
    found = ratings.standing(closed, now=NOW + timedelta(days=8))

    assert found.rating is not None
    assert (found.rating.agent, found.is_open) == ("staff:1", False)


# The page


@pytest.fixture(autouse=True)
def _clock() -> object:
    with mock.patch.object(timezone, "now", return_value=NOW) as clock:
        yield clock


def test_one_tap_is_enough_and_the_page_never_asks_again(client: Client, closed: Ticket) -> None:
    assert ASKED in client.get(track(closed)).content.decode()

    answer = client.post(f"{track(closed)}rate/", {"score": "FAIR"})

    page = client.get(track(closed)).content.decode()
    assert answer.headers["Location"] == f"{track(closed)}#rating"
    assert ASKED not in page
    assert "평가해 주셔서 고마워요" in page
    assert Rating.objects.get().score == "FAIR"


def test_a_sentence_goes_with_it_and_another_tap_keeps_it(client: Client, closed: Ticket) -> None:
    rate(closed, "GOOD")
    for facts in ({"score": "GOOD"}, {"score": ["GOOD", "POOR"]}):
        client.post(f"{track(closed)}rate/", {"text": "친절했어요"} | facts)

    rating = Rating.objects.get()
    assert (rating.score, rating.text) == ("POOR", "친절했어요")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"score": "BEST"},
        {"score": "GOOD", "text": "900131-1234567"},
        {"score": "GOOD", "text": "가" * 301},
    ],
)
def test_what_cannot_be_kept_is_said_and_kept_on_the_page(
    client: Client, closed: Ticket, wrong: dict[str, str]
) -> None:
    answer = client.post(f"{track(closed)}rate/", wrong)

    assert answer.status_code == 422
    assert not Rating.objects.exists()
    assert "오류: " in answer.content.decode().split("</title>")[0]


def test_too_late_leads_back_to_the_page(client: Client, ticket: Ticket) -> None:
    answer = client.post(f"{track(ticket)}rate/", {"score": "GOOD"})
    assert answer.headers["Location"] == f"{track(ticket)}?late=1"
    assert "어떠셨어요" not in client.get(track(ticket)).content.decode()


def test_no_text_message_speaks_of_it(closed: Ticket) -> None:
    rate(closed)
    assert not any("평가" in row.text for row in Message.objects.all())
