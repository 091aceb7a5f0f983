"""The tree mirrors the apps; `journeys/` drive a browser, `conventions/` hold house rules."""
