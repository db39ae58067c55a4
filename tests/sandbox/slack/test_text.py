"""How typed text becomes Slack's `text` and rich text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack.text import as_kept, escape, links, mrkdwn_parts, typed, unescape

URL = "https://app.datadoghq.com/monitors/1?a=1&b=2"
KEPT = "<https://app.datadoghq.com/monitors/1?a=1&amp;b=2>"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("hello", "hello"),
        (URL, KEPT),
        (f"see {URL}.", f"see {KEPT}."),
        (f"({URL})", f"({KEPT})"),
        (f"{URL}, {URL}", f"{KEPT}, {KEPT}"),
        ("https://example.org/a_(b)", "<https://example.org/a_(b)>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<@U0ANA>", "&lt;@U0ANA&gt;"),
        ("@Case Insights help", "<@U0CASES> help"),
        ("@Case Insightsful", "<@U0OTHER> Insightsful"),
        ("@Casement", "@Casement"),
        ("two\nlines", "two\nlines"),
        ("", ""),
    ],
)
def test_typed_words_become_text(words, text):
    assert typed(words, {"Case Insights": "U0CASES", "Case": "U0OTHER"})[0] == text


def test_the_rich_text_has_the_link_unescaped():
    (block,) = typed(f"see {URL}, please")[1]
    assert block["elements"][0]["elements"] == [
        {"type": "text", "text": "see "},
        {"type": "link", "url": URL},
        {"type": "text", "text": ", please"},
    ]


def test_a_label_is_kept_apart_from_the_url():
    text = "<https://app.datadoghq.com/monitors/1?a=1&amp;b=2|https://evil.example>"
    assert list(mrkdwn_parts(text)) == [{"type": "link", "url": URL, "text": "https://evil.example"}]
    assert links(text) == [URL]


def test_mentions_channels_and_broadcasts_are_parts():
    kinds = [part["type"] for part in mrkdwn_parts("<@U0ANA> <#C0GENERAL|general> <!channel>")]
    assert kinds == ["user", "text", "channel", "text", "broadcast"]


def test_a_bots_bare_links_become_links_and_its_own_stay():
    assert as_kept("a & b https://x.example <https://y.example|y> &amp;") == (
        "a &amp; b <https://x.example> <https://y.example|y> &amp;"
    )


@given(st.text())
def test_what_is_escaped_can_be_undone(text):
    assert unescape(escape(text)) == text


@given(st.text(alphabet=st.sampled_from("ab <>&|@#!:/.\nhttps")))
def test_any_typed_text_reads_back_as_it_was(text):
    kept, _ = typed(text)
    shown = "".join(part.get("text") or part["url"] for part in mrkdwn_parts(kept))
    assert shown == text
