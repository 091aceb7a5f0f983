"""The page for what cannot be read says why, when it knows."""

import pytest
from django.test import Client
from django.urls import reverse

TOO_LARGE = "파일을 줄이거나 몇 번에 나누어"

pytestmark = pytest.mark.django_db


def test_a_text_beyond_measure_is_too_large(client: Client) -> None:
    answer = client.post(reverse("support:request"), {"product": "가" * 1_000_000})
    assert answer.status_code == 400
    assert TOO_LARGE in answer.content.decode()


def test_an_unknown_host_is_not_told_of_files(client: Client) -> None:
    answer = client.get("/", headers={"host": "elsewhere.example"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "보낸 것을 읽지 못했어요" in page
    assert TOO_LARGE not in page
