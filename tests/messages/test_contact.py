"""The operator's contact: it stands in every sentence that sends people to whoever runs this bot."""

import ast
import re
from pathlib import Path
from typing import Any

import bot
from bot.messages.text import with_contact

CONTACT = "#sre-tools"
VARIANTS = re.compile(
    r"\b(?:whoever|who|people who|those who)\s+(?:run|operate|administer|maintain)s?\b", re.IGNORECASE
)
ROOMS = ("messages", "services", "worker", "listeners", "slack", "links")


def sentences() -> list[str]:
    """Every text in the rooms that speak to people, but docstrings."""
    found: list[str] = []
    for path in [path for room in ROOMS for path in (Path(bot.__file__).parent / room).rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in said]
        found += [node.value for node in texts if isinstance(node.value, str)]
    return found


def test_every_sentence_that_sends_people_to_the_operator_names_the_contact():
    told = [text for text in sentences() if VARIANTS.search(text) and "[Ww]" not in text]
    assert len(told) > 10
    assert [text for text in told if VARIANTS.search(with_contact(text, CONTACT))] == []
    assert [text for text in told if CONTACT not in with_contact(text, CONTACT)] == []


def test_it_stands_wherever_slack_shows_text_and_without_one_nothing_changes():
    text = "Whoever runs this bot has to renew them. Tell whoever runs this bot: ref 7F3K."
    view: dict[str, Any] = {"blocks": [{"text": {"type": "mrkdwn", "text": text}}, 7, None], "errors": {"id": text}}
    shown = f"{CONTACT} has to renew them. Tell {CONTACT}: ref 7F3K."
    expected = {"blocks": [{"text": {"type": "mrkdwn", "text": shown}}, 7, None], "errors": {"id": shown}}
    assert with_contact(view, CONTACT) == expected
    assert with_contact(text, r"\1 Ana") == r"\1 Ana has to renew them. Tell \1 Ana: ref 7F3K."
    assert with_contact(view, "") is view
