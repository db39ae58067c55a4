"""The log of a terminal: whatever words are in it, it obeys none of them. See also `tests/e2e/test_logs.py`."""

import logging

import pytest
import structlog

from bot import logs


def test_a_line_shows_what_a_terminal_would_obey(capfd: pytest.CaptureFixture[str]):
    before = logging.root.handlers[:]
    try:
        logs.configure()
        structlog.get_logger("bot").warning("refused", words="a\x1b[2J\x9b1m\u202e", why="two\nlines")
        logging.getLogger("aiohttp").warning("bad\x1b[2J")
    finally:
        logging.root.handlers = before
    written = capfd.readouterr().err
    assert r"words=a\x1b[2J\x9b1m\u202e" in written
    assert all(line.isprintable() for line in written.splitlines())
    assert len(written.splitlines()) == 2
