"""The control routes, with which tests and the page control a sandbox in another process."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

from bot.sandbox.control.journal import Call, Control, Json, contains

SERVICES = ("slack", "datadog", "*")
LONGEST_WAIT = 120.0


class ControlError(Exception):
    """The sandbox was asked for something impossible; the text is the sentence of the 400."""


Answer = Callable[[web.Request], Awaitable[Any]]


def control_route(method: str, path: str, answer: Answer) -> web.RouteDef:
    """A route under `/_sandbox/`: `answer` returns JSON (or a response), and raises ControlError for a 400."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            answered = await answer(request)
        except ControlError as error:
            answered = web.json_response({"error": str(error)}, status=400)
        response = answered if isinstance(answered, web.StreamResponse) else web.json_response(answered)
        if not response.prepared:
            response.headers.update(_cors(request))
        return response

    return web.RouteDef(method, path, handle, {})


def _cors(request: web.Request) -> dict[str, str]:
    """The headers that let a page on another loopback port read the answer (`only_this_machine` checks it)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, DELETE",
        "Access-Control-Allow-Headers": "Content-Type, Last-Event-ID",
        "Vary": "Origin",
    }


async def body_of(request: web.Request, **known: type | tuple[type, ...]) -> Json:
    """The JSON object in the body, `{}` for an empty body; null fields are left out.

    `known` has the allowed fields and their types. Raises ControlError for anything else.
    """
    try:
        data: object = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise ControlError(f"The body is not JSON: {error}.") from error
    if not isinstance(data, dict):
        raise ControlError("The body must be a JSON object.")
    fields = {name: value for name, value in cast(Json, data).items() if value is not None}
    for name, value in fields.items():
        if name not in known:
            raise ControlError(f"There is no field {name!r} here; there are: {', '.join(known) or 'none'}.")
        _check_type(name, value, known[name])
    return fields


def _check_type(name: str, value: object, wanted: type | tuple[type, ...]) -> None:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    # In Python a bool is an int; in JSON it is not.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        raise ControlError(f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r}.")


def routes(control: Control) -> list[web.RouteDef]:
    """The control routes that both servers have."""

    async def preflight(_: web.Request) -> web.Response:
        return web.Response(status=204)

    return [
        *_steering(control),
        *_reading(control),
        control_route("OPTIONS", "/_sandbox/{anything:.*}", preflight),
    ]


def no_such_route() -> web.RouteDef:
    """The last control route of a server: 400 for every unknown one."""

    async def refuse(request: web.Request) -> Json:
        raise ControlError(f"There is no {request.method} {request.path}.")

    return control_route("*", "/_sandbox/{anything:.*}", refuse)


def _steering(control: Control) -> list[web.RouteDef]:
    async def add_rule(request: web.Request) -> Json:
        try:
            return {"rule": control.rule(**await _rule_fields(request))}
        except ValueError as error:
            raise ControlError(str(error)) from error

    async def rules(_: web.Request) -> Json:
        return {"rules": control.rules(), "event": control.last_event}

    async def clear_rules(request: web.Request) -> Json:
        query = _query(request, "rule")
        control.clear_rules(*([int(_number(query, "rule", 0))] if query else []))
        return {"ok": True}

    async def release(request: web.Request) -> Json:
        service = (await body_of(request, service=str)).get("service", "*")
        _check_service(service)
        going = [call.n for call in control.held() if service in ("*", call.service)]
        control.release(None if service == "*" else service)
        return {"released": going}

    async def reset(_: web.Request) -> Json:
        control.reset()
        return {"ok": True}

    return [
        control_route("GET", "/_sandbox/rules", rules),
        control_route("POST", "/_sandbox/rules", add_rule),
        control_route("DELETE", "/_sandbox/rules", clear_rules),
        control_route("POST", "/_sandbox/release", release),
        control_route("POST", "/_sandbox/reset", reset),
    ]


async def _rule_fields(request: web.Request) -> Json:
    number = (int, float)
    fields = await body_of(
        request, service=str, method=str, status=int, body=object, headers=dict, delay=number,
        drop=str, hold=str, apply=bool, times=int, probability=number, seed=int,
    )  # fmt: skip
    _check_service(fields.get("service"))
    if not fields.get("method"):
        raise ControlError("method is missing: the name of one, or *.")
    if not all(isinstance(value, str) for value in fields.get("headers", {}).values()):
        raise ControlError("Each of headers must be a string.")
    return fields


def _check_service(service: str | None) -> None:
    if service not in SERVICES:
        raise ControlError(f"service must be one of {', '.join(SERVICES)}, not {service!r}.")


def _reading(control: Control) -> list[web.RouteDef]:
    async def calls(request: web.Request) -> Json:
        matching = _find(control, _query(request, "service", "method", "after", "contains"))
        return {"calls": [call.as_json() for call in matching], "event": control.last_event}

    async def wait(request: web.Request) -> web.Response:
        query = _query(request, "service", "method", "after", "count", "contains", "done", "held", "timeout")
        count, seconds = int(_number(query, "count", 1)), _number(query, "timeout", 10)
        if not 0 < seconds <= LONGEST_WAIT:
            raise ControlError(f"timeout must be above 0 and at most {LONGEST_WAIT:g} s, not {seconds:g}.")

        def enough() -> list[Call] | None:
            matching = _find(control, query)
            return matching if len(matching) >= count else None

        try:
            matching = await control.until(enough, timeout=seconds, what=f"{count} calls with {query}")
        except TimeoutError as error:
            return web.json_response({"error": str(error)}, status=408)
        return web.json_response({"calls": [call.as_json() for call in matching], "event": control.last_event})

    async def events(request: web.Request) -> web.StreamResponse:
        query = _query(request, "after")
        if "Last-Event-ID" in request.headers:
            query["after"] = request.headers["Last-Event-ID"]
        after = int(_number(query, "after", control.last_event))
        # A page older than this sandbox has seen higher numbers: it gets everything.
        return await _stream(control, request, after if after <= control.last_event else 0)

    return [
        control_route("GET", "/_sandbox/calls", calls),
        control_route("GET", "/_sandbox/wait", wait),
        control_route("GET", "/_sandbox/events", events),
    ]


async def _stream(control: Control, request: web.Request, after: int) -> web.StreamResponse:
    """Server-sent events until the page leaves: https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **_cors(request)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        await response.write(b": connected\n\n")
        while True:
            for event in [event for event in control.events if event.id > after]:
                data = json.dumps(event.data)
                await response.write(f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n".encode())
                after = event.id
            await _more_events(control, response, after)
    except ConnectionError:
        return response


async def _more_events(control: Control, response: web.StreamResponse, after: int) -> None:
    """Wait for an event; after 15 s without one, send a comment, to notice when the page has gone."""
    try:
        await control.until(lambda: control.last_event > after, timeout=15.0, what="an event")
    except TimeoutError:
        await response.write(b": still here\n\n")


def _query(request: web.Request, *known: str) -> dict[str, str]:
    for name in request.query:
        if name not in known:
            raise ControlError(f"There is no parameter {name!r} here; there are: {', '.join(known)}.")
    return dict(request.query)


def _number(query: dict[str, str], name: str, default: float) -> float:
    try:
        number = float(query.get(name, default))
    except ValueError as error:
        raise ControlError(f"{name} must be a number, not {query[name]!r}.") from error
    if not 0 <= number < 1e12:
        raise ControlError(f"{name} must be 0 or more, not {query[name]!r}.")
    return number


def _find(control: Control, query: dict[str, str]) -> list[Call]:
    matching = control.matching(query.get("service"), query.get("method"), int(_number(query, "after", 0)))
    if "contains" in query:
        matching = [call for call in matching if contains(call, query["contains"])]
    if "done" in query:
        matching = [call for call in matching if call.done]
    if "held" in query:
        matching = [call for call in matching if call.held]
    return matching
