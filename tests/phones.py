"""The sandbox phones, as their owners read them."""

import httpx2


def texts(sandbox: str, last4: str) -> list[str]:
    """What a phone has received, newest first. `sandbox`: the base of the operator's pages."""
    # It is asked again and again: reading which authorities to trust would take longer each time.
    answer = httpx2.get(f"{sandbox}/phones/0109000{last4}/?format=json", verify=False)
    return [text["text"] for text in answer.raise_for_status().json()]
