"""Every link of one Slack message, from every carrier."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.links import extract, may_hold_links

M1 = "https://app.datadoghq.com/monitors/1"
M2 = "https://app.datadoghq.com/monitors/2"
RAW_SIDE_PANEL = 'https://app.datadoghq.com/error-tracking?sp=[{"p":{"issueId":"x"},"i":"error-tracking-issue"}]'


def rich_text(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"see <{M1}> and <{M2}|the other>", (M1, M2)),
        (f"<{M1}?a=1&amp;b=2>", (f"{M1}?a=1&b=2",)),
        (f"<{M1}?a=1&amp;amp;b=2>", (f"{M1}?a=1&amp;b=2",)),
        (f"<{M1}?q=a&lt;b&gt;c>", (f"{M1}?q=a<b>c",)),
        (f"<{M1}?q=1&quot;>", (f"{M1}?q=1",)),
        (f"{M1} and {M1}", (M1,)),
        (f"({M1}).", (M1,)),
        (f"look: {M1}, then {M2}!", (M1, M2)),
        (f"[[Monitor Status]({M1})] · [[Edit]({M2})]", (M1, M2)),
        (f"*{M1}* `{M2}`", (M1, M2)),
        (f'{{"url":"{M1}","other":"{M2}"}}', (M1, M2)),
        (f"&lt;{M1}&gt;", (M1,)),
        (f"| {M1} |{M2}|", (M1, M2)),
        (f"{M1}_(a)", (f"{M1}_(a)",)),
        (f"see ({RAW_SIDE_PANEL}).", (RAW_SIDE_PANEL,)),
        ("<@U1> <#C1|general> <!here> <mailto:a@b.example|https://c.example>", ()),
        ("app.datadoghq.com/monitors/1", ()),
        ("https://", ()),
        ("", ()),
    ],
)
def test_links_of_text(text: str, found: tuple[str, ...]) -> None:
    assert extract({"text": text}) == found


def test_k14_the_url_counts_never_the_label() -> None:
    text = "<https://app.datadoghq.com/monitors/1?a=1&amp;b=2|https://evil.example>"
    assert extract({"text": text}) == ("https://app.datadoghq.com/monitors/1?a=1&b=2",)
    label = {"type": "link", "url": M1, "text": "https://evil.example"}
    assert extract({"blocks": [rich_text(label)]}) == (M1,)


def test_k1_two_links_are_two_and_the_same_link_twice_is_one() -> None:
    assert extract({"text": f"<{M1}> <{M2}> <{M1}>", "blocks": [rich_text({"type": "link", "url": M2})]}) == (M1, M2)


def test_rich_text_links_are_found_at_any_depth() -> None:
    quote = {"type": "rich_text_quote", "elements": [{"type": "link", "url": M2}]}
    items = {"type": "rich_text_list", "elements": [rich_text({"type": "link", "url": f"{M1}?a=1&b=2"})]}
    assert extract({"blocks": [{"type": "rich_text", "elements": [items, quote]}]}) == (f"{M1}?a=1&b=2", M2)


def test_sections_and_buttons_hold_links() -> None:
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f"<{M1}|one>"},
        "fields": [{"type": "mrkdwn", "text": f"<{M2}>"}],
        "accessory": {
            "type": "button",
            "url": f"{M1}/edit",
            "text": {"type": "plain_text", "text": "https://l.example"},
        },
    }
    actions = {"type": "actions", "elements": [{"type": "button", "url": f"{M2}/edit", "value": "https://v.example"}]}
    assert extract({"blocks": [section, actions]}) == (M1, M2, f"{M1}/edit", f"{M2}/edit")


def test_k5_a_bot_s_attachment_holds_links_in_title_text_fields_and_actions() -> None:
    attachment = {
        "title": "https://label.example",
        "title_link": M1,
        "text": f"<{M2}|Monitor Status>",
        "fields": [{"title": "Runbook", "value": "<https://run.example/1>", "short": True}],
        "actions": [{"type": "button", "text": "Mute", "url": f"{M1}/mute"}],
        "blocks": [rich_text({"type": "link", "url": f"{M2}/edit"})],
        "fallback": f"Triggered: {M1}",
    }
    message = {"subtype": "bot_message", "text": "", "attachments": [attachment]}
    assert set(extract(message)) == {M1, M2, "https://run.example/1", f"{M1}/mute", f"{M2}/edit"}
    assert extract(message)[0] == M1


@pytest.mark.parametrize("subtype", ["thread_broadcast", "file_share"])
def test_k5_subtypes_do_not_matter(subtype: str) -> None:
    assert extract({"subtype": subtype, "text": f"<{M1}>", "root": {"text": f"<{M2}>"}}) == (M1,)


def test_a_file_s_own_address_is_slack_s_but_its_title_may_hold_a_link() -> None:
    file = {"permalink": M2, "url_private": M2, "title": f"graph of {M1}"}
    assert extract({"files": [file]}) == (M1,)


@pytest.mark.parametrize("mark", ["from_url", "original_url", "app_unfurl_url"])
def test_k4_a_link_preview_is_not_read(mark: str) -> None:
    assert extract({"text": "hi", "attachments": [{mark: M1, "title_link": M1, "text": f"<{M2}>"}]}) == ()


def test_a_preview_of_another_message_counts_at_first_delivery_only() -> None:
    message = {"attachments": [{"is_msg_unfurl": True, "from_url": "https://x.slack.com/p1", "text": f"<{M1}>"}]}
    assert extract(message) == (M1,)
    assert extract(message, edited=True) == ()


def test_a_forwarded_message_always_counts() -> None:
    inner = {"message": {"blocks": [rich_text({"type": "link", "url": M1})]}}
    shared = {
        "is_share": True,
        "is_msg_unfurl": True,
        "from_url": "https://x.slack.com/p1",
        "text": f"<{M2}>",
        "message_blocks": [inner],
    }
    assert set(extract({"attachments": [shared]}, edited=True)) == {M1, M2}


NAMES = st.sampled_from(
    [
        "text",
        "blocks",
        "elements",
        "attachments",
        "fields",
        "url",
        "title_link",
        "files",
        "actions",
        "type",
        "accessory",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(f"<{M1}>"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(NAMES, JSON, max_size=6), st.booleans())
def test_no_shape_makes_it_raise(message: dict[str, Any], edited: bool) -> None:
    found = extract(message, edited=edited)
    assert len(found) == len(set(found))
    assert all(link.lower().startswith("http") for link in found)
    assert may_hold_links(message) or not found


@given(st.text(alphabet="<>|&;amp()[]{}\"'`*_ .htps:/dé\n"))
def test_no_text_makes_it_raise(text: str) -> None:
    assert all("://" in link for link in extract({"text": text + M1 + text}))


def test_deep_nesting_is_read_to_the_bottom() -> None:
    block: dict[str, Any] = {"type": "link", "url": M1}
    for _ in range(20_000):
        block = {"elements": [block]}
    assert extract({"blocks": [block]}) == (M1,)


@pytest.mark.parametrize(
    "text", ["<" * 200_000, "https://(" * 20_000, "https://a)" * 20_000, f"{M1}?q=" + "([" * 50_000 + ")" * 50_000]
)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    assert len(extract({"text": text})) <= 20_000
