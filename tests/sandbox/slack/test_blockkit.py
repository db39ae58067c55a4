"""Block Kit's limits as the sandbox holds them, and the words it refuses with."""

from functools import partial
from typing import Any

import pytest

from bot.sandbox.control import Json
from bot.sandbox.slack.blockkit.rules import elements, filled_in, problems
from sandbox.slack.conftest import mrkdwn, plain


def option(value: str = "1", text: Json | None = None, **more: Any) -> Json:
    return {"text": text or plain("one"), "value": value, **more}


def checkboxes(options: list[Json], **more: Any) -> Json:
    return {"type": "checkboxes", "action_id": "select", "options": options, **more}


def actions(*inside: Json) -> Json:
    return {"type": "actions", "elements": list(inside)}


def section(text: Any = None, **more: Any) -> Json:
    return {"type": "section", **({"text": text} if text is not None else {}), **more}


button: partial[Json] = partial(dict, type="button", action_id="add", text=plain("Add"))
overflow: partial[Json] = partial(dict, type="overflow", action_id="more")
select: partial[Json] = partial(dict, type="static_select", action_id="choose")
CONFIRM: Json = {"title": plain("t" * 100), "text": mrkdwn("x" * 300), "confirm": plain("Yes"), "deny": plain("No")}
LINK = "https://example.org"

TAKEN: list[Json] = [
    section(mrkdwn("s" * 3000)),
    section(fields=[mrkdwn("f" * 2000)] * 10),
    section(mrkdwn("s"), accessory=button(), block_id="b" * 255),
    {"type": "header", "text": plain("h" * 150)},
    {"type": "context", "elements": [mrkdwn("c")] * 10},
    {"type": "divider"},
    {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "a"},
    actions(*[button(action_id=f"a{n}") for n in range(25)]),
    actions(button(value="v" * 2000, url=LINK, style="danger", confirm=CONFIRM)),
    actions(checkboxes([option(f"{n}", mrkdwn("t" * 75), description=plain("d" * 75)) for n in range(10)])),
    actions(checkboxes([option("v" * 150)], initial_options=[option("v" * 150)])),
    actions(checkboxes([option()], initial_options=[option(text={**plain("one"), "emoji": True})])),
    actions(overflow(options=[option(url=LINK)])),
    actions(select(options=[option(f"{n}") for n in range(100)], placeholder=plain("p" * 150))),
    actions(select(option_groups=[{"label": plain("l"), "options": [option()]}], initial_option=option())),
    actions({"type": "external_select", "action_id": "case", "min_query_length": 3}),
    {"type": "input", "label": plain("Id"), "element": {"type": "plain_text_input", "action_id": "id"}},
    {"type": "markdown", "text": "# m"},
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
]


@pytest.mark.parametrize("block", TAKEN)
def test_what_is_within_the_limits_is_taken(block):
    assert problems([block]) == []


EMPTY, NO_OPTION = "no fewer than 1 items allowed", "must match one of the provided options"
NO_MRKDWN = "unsupported type: mrkdwn"
TICKED = "/elements/0/initial_options/0"


def longest(characters: int) -> str:
    return f"must be less than {characters + 1} characters"


def most(items: int) -> str:
    return f"no more than {items} items allowed"


# block, Slack's words, the pointer within the block
REFUSED: list[tuple[Json, str, str]] = [
    ({"type": "sektion"}, "unsupported type: sektion", "/type"),
    ({}, "missing required field: type", ""),
    (section(), "must define either `text` or `fields`", ""),
    (section(mrkdwn("")), "must be more than 0 characters", "/text/text"),
    (section(mrkdwn("s" * 3001)), longest(3000), "/text/text"),
    (section("words"), "must provide an object", "/text"),
    (section({"type": "markdown", "text": "s"}), "unsupported type: markdown", "/text/type"),
    (section({**mrkdwn("s"), "emoji": True}), "invalid additional property: emoji", "/text"),
    (section(mrkdwn("s"), colour="red"), "invalid additional property: colour", ""),
    (section(fields=[mrkdwn("f")] * 11), most(10), "/fields"),
    (section(fields=[mrkdwn("f" * 2001)]), longest(2000), "/fields/0/text"),
    (section(mrkdwn("s"), block_id="b" * 256), longest(255), "/block_id"),
    ({"type": "header", "text": plain("h" * 151)}, longest(150), "/text/text"),
    ({"type": "header", "text": mrkdwn("h")}, NO_MRKDWN, "/text/type"),
    ({"type": "context", "elements": []}, EMPTY, "/elements"),
    ({"type": "context", "elements": [mrkdwn("c")] * 11}, most(10), "/elements"),
    ({"type": "context", "elements": [button()]}, "unsupported type: button", "/elements/0/type"),
    (actions(), EMPTY, "/elements"),
    (actions(*[button(action_id=f"{n}") for n in range(26)]), most(25), "/elements"),
    (actions(button(), button()), '`action_id` "add" already exists', "/elements/1/action_id"),
    (actions(button(action_id="a" * 256)), longest(255), "/elements/0/action_id"),
    (actions(button(text=plain("t" * 76))), longest(75), "/elements/0/text/text"),
    (actions(button(text=mrkdwn("Add"))), NO_MRKDWN, "/elements/0/text/type"),
    (actions(button(value="v" * 2001)), longest(2000), "/elements/0/value"),
    (actions(button(value=7)), "must provide a string", "/elements/0/value"),
    (actions(button(style="loud")), "must be a valid enum value", "/elements/0/style"),
    (actions(button(url="example")), "must provide a valid URL", "/elements/0/url"),
    (actions(button(confirm={**CONFIRM, "title": plain("t" * 101)})), longest(100), "/elements/0/confirm/title/text"),
    (actions(button(confirm={"title": plain("t")})), "missing required field: text", "/elements/0/confirm"),
    (actions(checkboxes([option(f"{n}") for n in range(11)])), most(10), "/elements/0/options"),
    (actions(checkboxes([])), EMPTY, "/elements/0/options"),
    (actions(checkboxes([option(text=plain("t" * 76))])), longest(75), "/elements/0/options/0/text/text"),
    (actions(checkboxes([option(description=plain("d" * 76))])), longest(75), "/elements/0/options/0/description/text"),
    (actions(checkboxes([option("v" * 151)])), longest(150), "/elements/0/options/0/value"),
    (actions(checkboxes([option("1"), option("2")], initial_options=[option("3")])), NO_OPTION, TICKED),
    (actions(checkboxes([option("1")], initial_options=[option("1", plain("other words"))])), NO_OPTION, TICKED),
    (actions(checkboxes([option("1")], initial_options=[])), EMPTY, "/elements/0/initial_options"),
    (actions(checkboxes([option(url=LINK)])), "invalid additional property: url", "/elements/0/options/0"),
    (actions(overflow(options=[])), EMPTY, "/elements/0/options"),
    (actions(overflow(options=[option(f"{n}") for n in range(6)])), most(5), "/elements/0/options"),
    (actions(overflow(options=[option(text=mrkdwn("t"))])), NO_MRKDWN, "/elements/0/options/0/text/type"),
    (actions(select(options=[option(f"{n}") for n in range(101)])), most(100), "/elements/0/options"),
    (actions(select()), "must define either `options` or `option_groups`", "/elements/0"),
    (actions({"type": "plain_text_input"}), "unsupported type: plain_text_input", "/elements/0/type"),
    ({"type": "image", "alt_text": "a" * 2001}, longest(2000), "/alt_text"),
]


@pytest.mark.parametrize(("block", "words", "pointer"), REFUSED)
def test_what_is_beyond_is_refused_in_slacks_words(block, words, pointer):
    assert f"{words} [json-pointer:/blocks/0{pointer}]" in problems([block])


DIVIDER: Json = {"type": "divider"}
LONG: Json = {"type": "markdown", "text": "m" * 7000}


@pytest.mark.parametrize(
    ("blocks", "sentences"),
    [
        ([DIVIDER] * 50, []),
        ([DIVIDER] * 51, [f"{most(50)} [json-pointer:/blocks]"]),
        ([{**DIVIDER, "block_id": "a"}] * 2, ['`block_id` "a" already exists [json-pointer:/blocks/1/block_id]']),
        ([LONG], []),
        ([LONG] * 2, ["markdown text must be less than 12001 characters [json-pointer:/blocks]"]),
    ],
)
def test_the_blocks_of_a_message_share_limits(blocks, sentences):
    assert problems(blocks) == sentences


@pytest.mark.parametrize("odd", [[None], [7], [[]], [{"type": None}], [{"type": "actions", "elements": [None, 7]}]])
def test_blocks_of_any_shape_are_refused_and_never_raise(odd):
    assert problems(odd)


def test_slack_names_what_has_no_name():
    (block,) = filled_in([actions({"type": "button", "text": plain("Add")})])
    (element,) = elements(block)
    assert block["block_id"]
    assert element["action_id"]
    assert element["text"] == {"type": "plain_text", "text": "Add", "emoji": True}
