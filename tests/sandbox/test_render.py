"""What a Slack message looks like in a terminal."""

from bot.sandbox.render import as_text, readable
from bot.sandbox.slack.text import typed
from sandbox.slack.conftest import mrkdwn, plain


def test_a_card_reads_as_a_person_sees_it():
    options = [
        {"text": plain("Monitor · CPU high on web"), "description": plain("/monitors/1"), "value": "1"},
        {"text": plain("Incident 7"), "value": "2"},
    ]
    message = {
        "text": "Add 2 insights to CASEM-4523?",
        "blocks": [
            {"type": "header", "text": plain("Insights")},
            {"type": "section", "text": mrkdwn("*Add 2 insights to CASEM-4523?*")},
            {
                "type": "actions",
                "elements": [
                    {"type": "checkboxes", "options": options, "initial_options": options[:1]},
                    {"type": "button", "text": plain("Add to CASEM-4523")},
                    {"type": "button", "text": plain("Dismiss")},
                    {"type": "overflow", "options": options},
                ],
            },
            {"type": "divider"},
            {"type": "context", "elements": [mrkdwn("From <https://example.org|Ana's message> &amp; more")]},
        ],
    }
    assert as_text(message).splitlines() == [
        "Insights",
        "Add 2 insights to CASEM-4523?",
        "[x] Monitor · CPU high on web",
        "    /monitors/1",
        "[ ] Incident 7",
        "[ Add to CASEM-4523 ]  [ Dismiss ]  [ ⋯ ]",
        "────────────────────────────────────────",
        "From Ana's message (https://example.org) & more",
    ]


def test_without_blocks_the_text_is_shown_and_attachments_follow():
    message = {
        "text": "Triggered: <https://example.org/1>",
        "attachments": [{"title": "CPU", "title_link": "https://example.org/2", "text": "97 %"}],
    }
    assert as_text(message).splitlines() == [
        "Triggered: https://example.org/1",
        "| CPU",
        "| 97 %",
        "| https://example.org/2",
    ]


def test_what_a_person_typed_reads_back():
    words = "look: https://example.org/a?b=1&c=2 & tell @nobody\nsecond line"
    text, blocks = typed(words)
    assert as_text({"text": text, "blocks": blocks}) == words


def test_bold_loses_its_asterisks_and_products_keep_theirs():
    assert readable("*Added* 2 * 3 * 4 by *Ana*") == "Added 2 * 3 * 4 by Ana"


def test_a_moment_is_shown_by_its_fallback():
    assert readable("Added, <!date^1795439598^{time}|13:13 UTC>.") == "Added, 13:13 UTC."
