"""The whole portal and a phone looking at it, for as long as there are journeys."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack, running

VIEWPORT = {"width": 360, "height": 780}


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """The whole portal, started once for all tests that only use it.

    Stopped when they are over: a portal that nobody uses still takes a tenth of a core.
    """
    with running() as whole:
        yield whole


@pytest.fixture(scope="package")
def browser_context_args(stack: Stack) -> dict[str, Any]:
    """A small phone in Korean, looking at the whole portal: `page.goto("/shop/melody/")`."""
    return {"base_url": stack.portal, "viewport": VIEWPORT, "locale": "ko-KR"}
