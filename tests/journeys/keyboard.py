"""Going somewhere and pressing, with the keyboard alone; what it reaches must be seen."""

from playwright.sync_api import Locator, Page

MOST_TABS = 40


def go_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the keyboard; it must also show that it has."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert is_ringed(wanted), "the keyboard is there and nobody sees it"
            assert not is_covered(wanted), "something lies over what has the keyboard (2.4.11)"
            return
    raise AssertionError(f"{MOST_TABS} times Tab did not reach {wanted}")


def is_ringed(element: Locator) -> bool:
    """Whether focus is visible: a ring on it, or on the face or the card that stands for it."""
    script = """element => [[element], [element, "::after"], [element.nextElementSibling]].some(
        ([one, part]) => one && getComputedStyle(one, part).outlineStyle !== "none"
                         && parseFloat(getComputedStyle(one, part).outlineWidth) >= 2)"""
    return bool(element.evaluate(script))


def is_covered(element: Locator) -> bool:
    """Whether none of it can be seen where it stands; a hidden box is as visible as its face."""
    script = """element => {
        const [face] = [element, element.labels?.[0]].filter(
            (one) => one && one.getBoundingClientRect().width > 4);
        const { left, top, width, height } = (face ?? element).getBoundingClientRect();
        return [0.1, 0.5, 0.9].every((part) => {
            const seen = document.elementFromPoint(left + width * part, top + height / 2);
            return !seen || !(face.contains(seen) || seen.contains(face));
        });
    }"""
    return bool(element.evaluate(script))


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Go there and press."""
    go_to(page, wanted)
    page.keyboard.press(key)


def write(page: Page, label: str, text: str) -> None:
    """Go to the field of this name and type."""
    go_to(page, page.get_by_role("textbox", name=label, exact=True))
    page.keyboard.type(text)


def press_access_key(page: Page, letter: str) -> None:
    """Press the letter with Alt, as a keyboard does; the browser takes the key from its letter."""
    wire = page.context.new_cdp_session(page)
    key = {
        "modifiers": 1,
        "key": letter,
        "code": f"Key{letter.upper()}",
        "windowsVirtualKeyCode": ord(letter.upper()),
        "unmodifiedText": letter,
    }
    wire.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": letter, **key})
    wire.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    wire.detach()
