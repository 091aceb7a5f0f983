"""The operator's tests speak to the running server only; nothing here touches its database."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.carrier import Carrier


@pytest.fixture(scope="session")
def carrier(operator: Any) -> Iterator[Carrier]:
    client = Carrier(operator.base_url, operator.token)
    yield client
    client.http.close()
