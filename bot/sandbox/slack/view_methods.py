"""The Web API's views.* methods. None needs a scope."""

from typing import Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.methods import Api, Method
from bot.sandbox.slack.payload import Arguments
from bot.sandbox.slack.views import View, view_of

Json = dict[str, Any]


def open_view(api: Api, arguments: Arguments) -> Json:
    arguments.need("trigger_id", "view")
    view = view_of(arguments, "modal")
    return _answer(api, api.views.open(api.triggers.use(arguments.text("trigger_id")), view))


def push_view(api: Api, arguments: Arguments) -> Json:
    arguments.need("trigger_id", "view")
    view = view_of(arguments, "modal")
    return _answer(api, api.views.push(api.triggers.use(arguments.text("trigger_id")), view))


def update_view(api: Api, arguments: Arguments) -> Json:
    """By `view_id` or `external_id`; with a `hash`, only if it was not updated since."""
    given = view_of(arguments, "modal")
    view = api.views.find(arguments.text("view_id") or arguments.need("external_id")[0])
    if view is None:
        raise SlackError("not_found")
    _check_hash(view, arguments)
    view.become(given)
    api.views.show(view)
    return _answer(api, view)


def publish_view(api: Api, arguments: Arguments) -> Json:
    (user,) = arguments.need("user_id")
    given = view_of(arguments, "home")
    if user not in api.workspace.users:
        raise SlackError("user_not_found")
    if user in api.views.homes:
        _check_hash(api.views.homes[user], arguments)
    return _answer(api, api.views.publish(user, given))


def _check_hash(view: View, arguments: Arguments) -> None:
    if arguments.has("hash") and arguments.text("hash") != view.hash:
        raise SlackError("hash_conflict")


def _answer(api: Api, view: View) -> Json:
    return {"view": view.as_json(api.workspace)}


VIEWS: dict[str, Method] = {
    "views.open": Method(open_view),
    "views.push": Method(push_view),
    "views.update": Method(update_view),
    "views.publish": Method(publish_view),
}
