"""The settings of a real deployment, read by a process of its own: nothing here is a sandbox."""

import json
import subprocess
import sys

import pytest

from portal.embedded.addresses import ROOT
from tests import places

ZEROS = "A" * 43 + "="
AS_DEPLOYED = {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "SANDBOX": "0",
    "SECRET_KEY": "for-checks-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
    "FIELD_KEYS": f"k1:{ZEROS}",
    "BLIND_INDEX_KEY": ZEROS,
    "PUBLIC_URL": "https://pay.example.kr",
    "ALLOWED_HOSTS": "pay.example.kr",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CARRIER_API_URL": "https://operator.example.kr",
    "CARRIER_API_TOKEN": "for-checks-only",
}
ASK = """
import json
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in (
    "SECURE_REFERRER_POLICY", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "SANDBOX", "DEBUG")}))
"""


@pytest.fixture(scope="module")
def deployed() -> dict[str, object]:
    """What the settings are behind https."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        env=places.clean_environment() | AS_DEPLOYED,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_browsers_say_where_a_form_comes_from(deployed: dict[str, object]) -> None:
    # Under `no-referrer` they send the Origin `null`, and every form of the site is refused.
    assert deployed["SECURE_REFERRER_POLICY"] == "same-origin"


def test_cookies_belong_to_this_host_and_travel_by_https_alone(deployed: dict[str, object]) -> None:
    assert (deployed["SESSION_COOKIE_NAME"], deployed["CSRF_COOKIE_NAME"]) == (
        "__Host-sid",
        "__Host-csrf",
    )
    assert deployed["SESSION_COOKIE_SECURE"]
    assert deployed["CSRF_COOKIE_SECURE"]
    assert deployed["SECURE_HSTS_SECONDS"]


def test_nothing_of_the_sandbox_is_left(deployed: dict[str, object]) -> None:
    assert (deployed["SANDBOX"], deployed["DEBUG"]) == (False, False)
