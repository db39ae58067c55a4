"""Block Kit's rules: which blocks Slack accepts, and the errors for the others.

https://docs.slack.dev/reference/block-kit/blocks. Supported are the long-established blocks of messages and
modals (section, header, context, actions, divider, image, input, rich_text, markdown); any other type is refused as
unsupported, including newer ones.
"""

import secrets
from collections.abc import Iterator
from typing import Any, cast

from bot.sandbox.slack.blockkit.elements import (
    BUTTON,
    CHOICES,
    IDENTIFIER,
    IMAGE_ELEMENT,
    INPUTS,
    OVERFLOW,
    PICKERS,
    SELECTS,
    plain,
    text,
)
from bot.sandbox.slack.blockkit.shape import (
    Check,
    Json,
    anything,
    boolean,
    both,
    by_type,
    one_of,
    problem,
    several,
    string,
    typed,
    web_address,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MARKDOWN_CHARACTERS = 12_000
"""Of all markdown blocks of one payload together."""

COMMON: dict[str, Check] = {"block_id": IDENTIFIER}
ACTION_ELEMENTS: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    **CHOICES,
    **SELECTS,
    **PICKERS,
}
CONTEXT_TEXT = 3000
CONTEXT_ELEMENTS: dict[str, Check] = {
    "image": IMAGE_ELEMENT,
    "plain_text": text(CONTEXT_TEXT),
    "mrkdwn": text(CONTEXT_TEXT),
}
RICH_PARTS = several(by_type(dict.fromkeys(
    ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"),
    typed({"elements": several(anything, 10_000, 0)}, {
        "style": one_of("bullet", "ordered"), "indent": anything, "offset": anything, "border": anything,
    }),
)), 10_000, 0)  # fmt: skip


def _text_or_fields(value: Any, pointer: str) -> Iterator[str]:
    if "text" not in value and "fields" not in value:
        yield problem("must define either `text` or `fields`", pointer)


def _action_ids_once(value: Any, pointer: str) -> Iterator[str]:
    """Each `action_id` is unique within a block."""
    elements: Any = value.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(cast(list[Any], elements) if isinstance(elements, list) else []):
        action_id: Any = cast(Json, element).get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str) and action_id in seen:
            yield problem(f'`action_id` "{action_id}" already exists', f"{pointer}/elements/{index}/action_id")
        elif isinstance(action_id, str):
            seen.add(action_id)


BLOCKS: dict[str, Check] = {
    "section": both(
        typed(
            {},
            {
                **COMMON,
                "text": text(3000),
                "fields": several(text(2000), 10),
                "accessory": by_type({**ACTION_ELEMENTS, "image": IMAGE_ELEMENT}),
                "expand": boolean,
            },
        ),
        _text_or_fields,
    ),
    "divider": typed({}, COMMON),
    "header": typed({"text": plain(150)}, COMMON),
    "context": typed({"elements": several(by_type(CONTEXT_ELEMENTS), 10)}, COMMON),
    "actions": both(
        typed({"elements": several(by_type(ACTION_ELEMENTS), 25)}, COMMON),
        _action_ids_once,
    ),
    "image": typed(
        {"alt_text": string(2000)},
        {**COMMON, "image_url": web_address(3000), "slack_file": anything, "title": plain(2000)},
    ),
    "input": typed(
        {"label": plain(2000), "element": by_type({**INPUTS, **CHOICES, **SELECTS, **PICKERS})},
        {**COMMON, "dispatch_action": boolean, "hint": plain(2000), "optional": boolean},
    ),
    "rich_text": typed({"elements": RICH_PARTS}, COMMON),
    "markdown": typed({"text": string(MARKDOWN_CHARACTERS)}, COMMON),
}
_BLOCK = by_type(BLOCKS)


_VIEW: dict[str, Check] = {
    "callback_id": string(255),
    "external_id": string(255),
    "private_metadata": string(3000, 0),
}
VIEWS: dict[str, Check] = {
    "modal": typed(
        {"title": plain(24), "blocks": several(_BLOCK, VIEW_BLOCKS, 0)},
        {
            **_VIEW,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    "home": typed({"blocks": several(_BLOCK, VIEW_BLOCKS, 0)}, _VIEW),
}


def problems(blocks: list[Any]) -> list[str]:
    """Slack's errors about a message's blocks, with JSON pointers; empty when it accepts them."""
    sentences = list(several(_BLOCK, MESSAGE_BLOCKS, 0)(blocks, "/blocks"))
    sentences.extend(_block_ids_once(blocks, "/blocks"))
    markdown = sum(len(str(block.get("text"))) for block in blocks_of_type(blocks, "markdown"))
    if markdown > MARKDOWN_CHARACTERS:
        sentences.append(problem(f"markdown text must be less than {MARKDOWN_CHARACTERS + 1} characters", "/blocks"))
    return sentences


def view_problems(view: Json, kind: str) -> list[str]:
    """Slack's errors about a view of this type ("modal" or "home")."""
    sentences = list(by_type({kind: VIEWS[kind]})(view, "/view"))
    blocks: Any = view.get("blocks")
    if isinstance(blocks, list):
        sentences.extend(_block_ids_once(cast(list[Any], blocks), "/view/blocks"))
        if kind == "modal" and blocks_of_type(cast(list[Any], blocks), "input") and "submit" not in view:
            sentences.append(problem("missing required field: submit", "/view"))
    return sentences


def _block_ids_once(blocks: list[Any], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id: Any = cast(Json, block).get("block_id") if isinstance(block, dict) else None
        if isinstance(block_id, str) and block_id in seen:
            yield problem(f'`block_id` "{block_id}" already exists', f"{pointer}/{index}/block_id")
        elif isinstance(block_id, str):
            seen.add(block_id)


def blocks_of_type(blocks: list[Any], kind: str) -> list[Json]:
    return [cast(Json, block) for block in blocks if isinstance(block, dict) and cast(Json, block).get("type") == kind]


def elements(block: Json) -> list[Json]:
    """The elements of one block that a person can act on, wherever the block holds them."""
    inside = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
    if block.get("type") in ("rich_text", "context"):
        return []
    return [element for element in inside if element is not None and element["type"] != "image"]


def filled_in(blocks: list[Json]) -> list[Json]:
    """Blocks as Slack keeps and returns them: every `block_id`, `action_id`, `emoji` and `verbatim` is there."""
    kept = [cast(Json, _with_text_defaults(block)) for block in blocks]
    for block in kept:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return kept


def _with_text_defaults(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_defaults(item) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    fields = {name: _with_text_defaults(inner) for name, inner in cast(Json, value).items()}
    if fields.get("type") == "plain_text":
        fields.setdefault("emoji", True)
    if fields.get("type") == "mrkdwn":
        fields.setdefault("verbatim", False)
    return fields
