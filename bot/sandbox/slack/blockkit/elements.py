"""Block Kit's composition objects and elements, with the limits of Slack's reference pages.

https://docs.slack.dev/reference/block-kit/composition-objects and …/block-elements. slack_sdk's own models are not
used: they accept twelve checkboxes, and Slack does not.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from bot.sandbox.slack.blockkit.shape import (
    Check,
    Json,
    anything,
    boolean,
    both,
    by_type,
    one_of,
    problem,
    record,
    several,
    string,
    typed,
    web_address,
    whole,
)

IDENTIFIER = string(255)


def plain(most: int, least: int = 1) -> Check:
    """A `plain_text` object."""
    return by_type({"plain_text": typed({"text": string(most, least)}, {"emoji": boolean})})


def text(most: int, least: int = 1) -> Check:
    """A text object, plain or mrkdwn."""
    return by_type(
        {
            "plain_text": typed({"text": string(most, least)}, {"emoji": boolean}),
            "mrkdwn": typed({"text": string(most, least)}, {"verbatim": boolean}),
        }
    )


CONFIRM = record(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


def option(words: Callable[[int], Check], **more: Check) -> Check:
    """One option; `words` says whether its texts may be mrkdwn (checkboxes and radio buttons) or plain only."""
    return record({"text": words(75), "value": string(150)}, {"description": words(75), **more})


RICH_OPTION = option(text)
PLAIN_OPTION = option(plain)
OVERFLOW_OPTION = option(plain, url=web_address(3000))
OPTION_GROUPS = several(
    record({"label": plain(75), "options": several(PLAIN_OPTION, 100)}),
    100,
)


def canonical(value: Any) -> Any:
    """An option as Slack compares it, without defaults that may be left out (`emoji`, `verbatim`)."""
    if isinstance(value, dict):
        fields = cast(Json, value)
        return {name: canonical(inner) for name, inner in fields.items() if name not in ("emoji", "verbatim")}
    return value


def initial_among_options(value: Any, pointer: str) -> Iterator[str]:
    """`initial_options` and `initial_option` must equal one of the options exactly."""
    element = cast(Json, value)
    options = [canonical(choice) for choice in _options(element)]
    initial = element.get("initial_options")
    if isinstance(initial, list):
        for index, one in enumerate(cast(list[Any], initial)):
            if canonical(one) not in options:
                yield problem("must match one of the provided options", f"{pointer}/initial_options/{index}")
    if "initial_option" in element and canonical(element["initial_option"]) not in options:
        yield problem("must match one of the provided options", f"{pointer}/initial_option")


def _options(element: Json) -> list[Any]:
    """The options of a select, in groups or not; other shapes are refused elsewhere."""
    found: list[Any] = []
    if isinstance(element.get("options"), list):
        found += element["options"]
    groups: Any = element.get("option_groups")
    if isinstance(groups, list):
        for group in cast(list[Any], groups):
            inner: Any = cast(Json, group).get("options") if isinstance(group, dict) else None
            found += cast(list[Any], inner) if isinstance(inner, list) else []
    return found


def options_or_groups(value: Any, pointer: str) -> Iterator[str]:
    """A static select has `options` or `option_groups`, and only one of the two."""
    if ("options" in value) == ("option_groups" in value):
        yield problem("must define either `options` or `option_groups`", pointer)


INTERACTIVE: dict[str, Check] = {"action_id": IDENTIFIER, "confirm": CONFIRM}
FOCUS: dict[str, Check] = {"focus_on_load": boolean}
PLACEHOLDER: dict[str, Check] = {"placeholder": plain(150)}
SELECT: dict[str, Check] = {**INTERACTIVE, **FOCUS, **PLACEHOLDER}
STATIC: dict[str, Check] = {"options": several(PLAIN_OPTION, 100), "option_groups": OPTION_GROUPS}
MANY: dict[str, Check] = {"max_selected_items": whole(1, 100)}
IDS = several(string(255), 100, 0)

BUTTON = typed(
    {"text": plain(75)},
    {
        **INTERACTIVE,
        "value": string(2000, 0),
        "url": web_address(3000),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
)
CHECKBOXES = both(
    typed(
        {"options": several(RICH_OPTION, 10)},
        {**INTERACTIVE, **FOCUS, "initial_options": several(RICH_OPTION, 10)},
    ),
    initial_among_options,
)
RADIO_BUTTONS = both(
    typed({"options": several(RICH_OPTION, 10)}, {**INTERACTIVE, **FOCUS, "initial_option": RICH_OPTION}),
    initial_among_options,
)
OVERFLOW = typed({"options": several(OVERFLOW_OPTION, 5)}, INTERACTIVE)
STATIC_SELECT = both(
    typed({}, {**SELECT, **STATIC, "initial_option": PLAIN_OPTION}),
    options_or_groups,
    initial_among_options,
)
MULTI_STATIC_SELECT = both(
    typed({}, {**SELECT, **STATIC, **MANY, "initial_options": several(PLAIN_OPTION, 100)}),
    options_or_groups,
    initial_among_options,
)
IMAGE_ELEMENT = typed({"alt_text": string(2000)}, {"image_url": web_address(3000), "slack_file": anything})

SELECTS: dict[str, Check] = {
    "static_select": STATIC_SELECT,
    "external_select": typed({}, {**SELECT, "min_query_length": whole(0, 500), "initial_option": PLAIN_OPTION}),
    "users_select": typed({}, {**SELECT, "initial_user": string(255)}),
    "conversations_select": typed(
        {},
        {
            **SELECT,
            "initial_conversation": string(255),
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": anything,
        },
    ),
    "channels_select": typed({}, {**SELECT, "initial_channel": string(255), "response_url_enabled": boolean}),
    "multi_static_select": MULTI_STATIC_SELECT,
    "multi_external_select": typed(
        {},
        {
            **SELECT,
            **MANY,
            "min_query_length": whole(0, 500),
            "initial_options": several(PLAIN_OPTION, 100),
        },
    ),
    "multi_users_select": typed({}, {**SELECT, **MANY, "initial_users": IDS}),
    "multi_conversations_select": typed({}, {**SELECT, **MANY, "initial_conversations": IDS}),
    "multi_channels_select": typed({}, {**SELECT, **MANY, "initial_channels": IDS}),
}
PICKERS: dict[str, Check] = {
    "datepicker": typed({}, {**SELECT, "initial_date": string(10, 10)}),
    "timepicker": typed({}, {**SELECT, "initial_time": string(5, 5), "timezone": string(255)}),
    "datetimepicker": typed({}, {**INTERACTIVE, **FOCUS, "initial_date_time": whole(0, 9_999_999_999)}),
}
TYPED_INPUT: dict[str, Check] = {
    "action_id": IDENTIFIER,
    **FOCUS,
    **PLACEHOLDER,
    "dispatch_action_config": anything,
}
INPUTS: dict[str, Check] = {
    "plain_text_input": typed(
        {},
        {
            **TYPED_INPUT,
            "initial_value": string(3000, 0),
            "multiline": boolean,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
        },
    ),
    "url_text_input": typed({}, {**TYPED_INPUT, "initial_value": string(3000, 0)}),
    "email_text_input": typed({}, {**TYPED_INPUT, "initial_value": string(3000, 0)}),
    "number_input": typed({"is_decimal_allowed": boolean}, {**TYPED_INPUT, "initial_value": string(100, 0)}),
}
CHOICES: dict[str, Check] = {"checkboxes": CHECKBOXES, "radio_buttons": RADIO_BUTTONS}
