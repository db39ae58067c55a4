"""The control routes that only Slack has: `POST /_sandbox/<verb>` with the verb's arguments as JSON."""

from aiohttp import web

from bot.sandbox.control import ControlError, Json, body_of, control_route
from bot.sandbox.slack.verbs import Verbs


def slack_routes(slack: Verbs) -> list[web.RouteDef]:
    """What people do, what Slack does, and what there is to see."""
    return [*_people(slack), *_clicks(slack), *_doors(slack), *_views(slack), *_service(slack), *_reading(slack)]


def _people(slack: Verbs) -> list[web.RouteDef]:
    async def message(request: web.Request) -> Json:
        fields = await body_of(
            request, channel=str, as_user=str, text=str, thread_ts=str, blocks=list, attachments=list,
            subtype=str, files=list, raw=bool, broadcast=bool, deliver=bool,
        )  # fmt: skip
        need(fields, "channel", "as_user", "text")
        return slack.message(**fields)

    async def edit(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, ts=str, text=str, as_user=str, raw=bool)
        need(fields, "channel", "ts", "text")
        return slack.edit(**fields)

    async def delete(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, ts=str)
        need(fields, "channel", "ts")
        slack.delete(**fields)
        return {"ok": True}

    async def unfurl(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, ts=str, attachments=list)
        need(fields, "channel", "ts", "attachments")
        return slack.unfurl(**fields)

    return [
        control_route("POST", "/_sandbox/message", message),
        control_route("POST", "/_sandbox/edit", edit),
        control_route("POST", "/_sandbox/delete", delete),
        control_route("POST", "/_sandbox/unfurl", unfurl),
    ]


def _clicks(slack: Verbs) -> list[web.RouteDef]:
    async def click(request: web.Request) -> Json:
        fields = await body_of(
            request, channel=str, ts=str, action_id=str, as_user=str, block_id=str, option=str, late=bool
        )
        need(fields, "channel", "ts", "action_id", "as_user")
        return await slack.click(**fields)

    async def tick(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, ts=str, as_user=str, action_id=str, block_id=str, values=list)
        need(fields, "channel", "ts", "as_user", "action_id", "values")
        return await slack.tick(**fields)

    return [
        control_route("POST", "/_sandbox/click", click),
        control_route("POST", "/_sandbox/tick", tick),
    ]


def _doors(slack: Verbs) -> list[web.RouteDef]:
    async def mention(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, as_user=str, text=str, thread_ts=str)
        need(fields, "channel", "as_user", "text")
        return slack.mention(**fields)

    async def shortcut(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, ts=str, as_user=str, callback_id=str)
        need(fields, "channel", "ts", "as_user", "callback_id")
        return await slack.shortcut(**fields)

    async def command(request: web.Request) -> Json:
        fields = await body_of(request, channel=str, as_user=str, command=str, text=str)
        need(fields, "channel", "as_user", "command")
        return await slack.command(**fields)

    async def home(request: web.Request) -> Json:
        fields = await body_of(request, as_user=str)
        need(fields, "as_user")
        return slack.home(**fields)

    return [
        control_route("POST", "/_sandbox/mention", mention),
        control_route("POST", "/_sandbox/shortcut", shortcut),
        control_route("POST", "/_sandbox/command", command),
        control_route("POST", "/_sandbox/home", home),
    ]


def _views(slack: Verbs) -> list[web.RouteDef]:
    async def suggest(request: web.Request) -> Json:
        fields = await body_of(request, view_id=str, as_user=str, action_id=str, value=str)
        need(fields, "view_id", "as_user", "action_id", "value")
        return {"options": await slack.suggest(**fields)}

    async def press(request: web.Request) -> Json:
        fields = await body_of(request, view_id=str, as_user=str, action_id=str, values=dict, block_id=str)
        need(fields, "view_id", "as_user", "action_id")
        return await slack.press(**fields)

    async def submit(request: web.Request) -> Json:
        fields = await body_of(request, view_id=str, as_user=str, values=dict)
        need(fields, "view_id", "as_user")
        return await slack.submit(**fields)

    async def dismiss(request: web.Request) -> Json:
        fields = await body_of(request, view_id=str, as_user=str)
        need(fields, "view_id", "as_user")
        slack.dismiss(**fields)
        return {"ok": True}

    return [
        control_route("POST", "/_sandbox/suggest", suggest),
        control_route("POST", "/_sandbox/press", press),
        control_route("POST", "/_sandbox/submit", submit),
        control_route("POST", "/_sandbox/dismiss", dismiss),
    ]


def _service(slack: Verbs) -> list[web.RouteDef]:
    async def redeliver(request: web.Request) -> Json:
        fields = await body_of(request, event=str, copies=int, new_ids=bool)
        need(fields, "event")
        return {"sent": slack.redeliver(**fields)}

    async def drop_socket(_: web.Request) -> Json:
        return {"dropped": slack.drop_socket()}

    async def refresh(request: web.Request) -> Json:
        return {"told": await slack.refresh(**await body_of(request, reason=str))}

    async def silence_socket(_: web.Request) -> Json:
        return {"silent": slack.silence_socket()}

    async def verify(_: web.Request) -> Json:
        await slack.verify_request_url()
        return {"ok": True}

    async def uninstall(_: web.Request) -> Json:
        slack.uninstall()
        return {"ok": True}

    async def repeat_events(request: web.Request) -> Json:
        fields = await body_of(request, copies=int)
        need(fields, "copies")
        slack.repeat_events = fields["copies"]
        return {"repeat_events": slack.repeat_events}

    return [
        control_route("POST", "/_sandbox/redeliver", redeliver),
        control_route("POST", "/_sandbox/drop_socket", drop_socket),
        control_route("POST", "/_sandbox/refresh", refresh),
        control_route("POST", "/_sandbox/silence_socket", silence_socket),
        control_route("POST", "/_sandbox/verify_request_url", verify),
        control_route("POST", "/_sandbox/uninstall", uninstall),
        control_route("POST", "/_sandbox/repeat_events", repeat_events),
    ]


def _reading(slack: Verbs) -> list[web.RouteDef]:
    async def state(_: web.Request) -> Json:
        return slack.state()

    async def private(_: web.Request) -> Json:
        return {"private": slack.private}

    return [
        control_route("GET", "/_sandbox/state", state),
        control_route("GET", "/_sandbox/private", private),
    ]


def need(fields: Json, *names: str) -> None:
    """Raises ControlError when one of these is missing."""
    missing = [name for name in names if name not in fields]
    if missing:
        raise ControlError(f"{' and '.join(missing)} is missing.")
