"""Control of the sandbox: the journal of calls, the rules that apply to them, and the control routes.

Both servers share one `Control`, wrap their handlers in `handle_call` and mount `routes(control)`. A server makes its
own control routes with `control_route` and `body_of`, so all of them refuse in the same way, and has the middleware
`only_this_machine`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from bot.sandbox.control.journal import Call, Control, Event, Json
from bot.sandbox.control.loopback import only_this_machine
from bot.sandbox.control.routes import ControlError, body_of, control_route, no_such_route, routes
from bot.sandbox.control.rules import Moment, Rule

__all__ = [
    "Call",
    "Control",
    "ControlError",
    "Event",
    "Json",
    "Moment",
    "Rule",
    "body_of",
    "control_route",
    "handle_call",
    "no_such_route",
    "only_this_machine",
    "routes",
]


async def handle_call(
    control: Control,
    request: web.Request,
    service: str,
    method: str,
    arguments: Json,
    apply: Callable[[], Awaitable[web.Response]],
) -> web.StreamResponse:
    """Journal one call and run `apply`, unless a rule says otherwise.

    `method` is the name in rules and journal; `arguments` the decoded body, form or query. To drop a call, its
    connection is closed here, and the response returned goes nowhere.
    """
    call = control.begin(service, method, request.path, arguments)
    rule = control.take_rule(service, method)
    try:
        response = await (apply() if rule is None else _apply_rule(control, call, rule, apply))
        if response is None:
            control.finish(call, None, None)
            return _close(request)
        control.finish(call, response.status, _decoded(response))
        return response
    finally:
        if not call.done:
            control.finish(call, None, None)


async def _apply_rule(
    control: Control, call: Call, rule: Rule, apply: Callable[[], Awaitable[web.Response]]
) -> web.Response | None:
    """The answer to a call that matches a rule; None to close the connection without an answer."""
    if rule.delay:
        await asyncio.sleep(rule.delay)
    if rule.hold == "before":
        await control.hold(call, "before")
    if control.forgotten(call):
        return None
    applied = await apply() if rule.applies else None
    if rule.hold == "after":
        await control.hold(call, "after")
    if rule.drop is not None or control.forgotten(call):
        return None
    return _instead(call.service, rule) if rule.answers or applied is None else applied


def _instead(service: str, rule: Rule) -> web.Response:
    """The answer of a rule; one with only a status gets the usual body of that service."""
    status = rule.status or 200
    body = rule.body if rule.body is not None else _usual_body(service, status)
    headers = CIMultiDict(rule.headers)
    if not isinstance(body, str):
        headers.setdefault("Content-Type", "application/json")
        return web.Response(status=status, text=json.dumps(body), headers=headers)
    headers.setdefault("Content-Type", "text/html" if body.lstrip().startswith("<") else "text/plain")
    return web.Response(status=status, text=body, headers=headers)


def _usual_body(service: str, status: int) -> Json:
    if service == "slack":
        slack_error = {429: "ratelimited", 503: "service_unavailable"}.get(status, "internal_error")
        return {"ok": True} if status < 400 else {"ok": False, "error": slack_error}
    if status < 400:
        return {}
    known = status in HTTPStatus.__members__.values()
    return {"errors": [HTTPStatus(status).phrase if known else f"Status {status}"]}


def _decoded(response: web.Response) -> Any:
    if "json" not in response.content_type:
        return response.text
    try:
        return json.loads(response.text or "null")
    except ValueError:
        return response.text


def _close(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
