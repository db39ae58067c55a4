"""The state of an input, as in `state.values`."""

from typing import Any

Json = dict[str, Any]
Entry = str | list[str]
"""What was typed or chosen: text, the value of an option or an id; a list where several can be chosen."""

MANY = ("checkboxes", "multi_static_select", "multi_external_select")
ONE = ("radio_buttons", "static_select", "external_select")
TYPED = ("plain_text_input", "url_text_input", "email_text_input", "number_input")
BY_ID = {
    "users_select": "user",
    "conversations_select": "conversation",
    "channels_select": "channel",
    "datepicker": "date",
    "timepicker": "time",
    "multi_users_select": "users",
    "multi_conversations_select": "conversations",
    "multi_channels_select": "channels",
}


def entered(element: Json, entry: Entry | None, suggested: list[Json] | None = None) -> Json | None:
    """The state of one element: the entry, or its `initial_…` when there is none; None for what holds no state.

    `suggested` are the app's last options for an external select.
    """
    kind: str = element["type"]
    if kind in (*MANY, *ONE):
        return {"type": kind, **chosen(element, entry, suggested)}
    if kind in TYPED:
        value = element.get("initial_value") if entry is None else entry
        return {"type": kind, "value": value or None}
    if kind in BY_ID:
        name = BY_ID[kind]
        return {"type": kind, f"selected_{name}": element.get(f"initial_{name}") if entry is None else entry}
    return None


def chosen(element: Json, entry: Entry | None, suggested: list[Json] | None = None) -> Json:
    """The `selected_options` (or `selected_option`) of an element with options."""
    picked = initial(element)
    if entry is not None:
        values = [entry] if isinstance(entry, str) else entry
        known = {option["value"]: option for option in [*options(element), *(suggested or []), *picked]}
        picked = [option for value, option in known.items() if value in values]
    if element["type"] in MANY:
        return {"selected_options": picked}
    return {"selected_option": picked[0] if picked else None}


def options(element: Json) -> list[Json]:
    """The options of an element, in groups or not."""
    groups: list[Json] = element.get("option_groups", [])
    return [*element.get("options", []), *(option for group in groups for option in group["options"])]


def initial(element: Json) -> list[Json]:
    """The options that are chosen at first."""
    one = [element["initial_option"]] if "initial_option" in element else []
    return [*element.get("initial_options", []), *one]
