"""The contact sheet shows every picture, page by page."""

from tests import contact_sheet


def test_pictures_of_one_page_stand_together_small_ones_first() -> None:
    names = ["home-wide-ko-1280.png", "404-en-360.png", "home-wide-en-360.png", "stray.png"]

    html = contact_sheet.sheet(names)

    assert html.index('id="404"') < html.index('id="home-wide"')
    assert html.index("home-wide-en-360.png") < html.index("home-wide-ko-1280.png")
    assert "stray.png" not in html
