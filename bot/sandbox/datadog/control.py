"""The control routes that only Datadog has: cases, and its switches."""

from typing import Any, cast

from aiohttp import web

from bot.sandbox.control import Control, ControlError, body_of, control_route
from bot.sandbox.datadog.cases import Case, CaseInsight
from bot.sandbox.datadog.organization import ABSENT, DUPLICATES, Organization
from bot.sandbox.datadog.validation import INSIGHT_FIELDS, INSIGHT_TYPES

Json = dict[str, Any]


def datadog_routes(datadog: Organization, control: Control) -> list[web.RouteDef]:
    """The routes; `control.routes` come beside them. A change of switches is told as "datadog"."""

    async def case(request: web.Request) -> Json:
        fields = await body_of(
            request, key=str, title=str, description=str, status=str, archive=bool, move_to=str, insights=list
        )
        try:
            return _change(datadog, fields).snapshot()
        except ValueError as error:
            raise ControlError(str(error)) from error

    async def cases(_: web.Request) -> Json:
        return {"cases": [case.snapshot() for case in datadog.cases]}

    async def switches(request: web.Request) -> Json:
        fields = await body_of(request, duplicates=str, absent=int, keys_valid=bool, may_write=bool, forbidden=list)
        _switch(datadog, fields)
        if fields:
            control.publish("datadog", _switches(datadog))
        return _switches(datadog)

    return [
        control_route("POST", "/_sandbox/case", case),
        control_route("GET", "/_sandbox/cases", cases),
        control_route("POST", "/_sandbox/datadog", switches),
    ]


def _change(datadog: Organization, fields: Json) -> Case:
    """Add the case if there is none of that key (or UUID), then do to it what the other fields say."""
    insights = [_insight(item) for item in fields.get("insights", [])]
    if "key" not in fields:
        raise ControlError("key is missing: the key or UUID of a case, or the key of a new one.")
    case = datadog.cases.get(fields["key"])
    if case is None:
        case = _add(datadog, fields)
    datadog.cases.change(
        case,
        title=fields.get("title"),
        description=fields.get("description"),
        status=fields.get("status"),
        archived=fields.get("archive"),
        key=fields.get("move_to"),
        insights=insights,
    )
    return case


def _add(datadog: Organization, fields: Json) -> Case:
    if "title" not in fields:
        raise ControlError(f"There is no case {fields['key']}; a new one needs a title.")
    if "move_to" in fields:
        raise ControlError("A new case cannot move: give it the right key at once.")
    return datadog.cases.add(fields["key"], fields["title"], fields.get("status", "OPEN"))


def _insight(item: object) -> CaseInsight:
    """An insight that somebody puts on the case in Datadog itself."""
    fields = cast(Json, item) if isinstance(item, dict) else {}
    texts = [fields[name] for name in INSIGHT_FIELDS if isinstance(fields.get(name), str)]
    if len(texts) != len(INSIGHT_FIELDS) or len(fields) != len(texts) or texts[0] not in INSIGHT_TYPES:
        raise ControlError(f"An insight is {', '.join(INSIGHT_FIELDS)}, each a string, not {item!r}.")
    return CaseInsight(*texts)


def _switch(datadog: Organization, fields: Json) -> None:
    duplicates, absent = fields.get("duplicates", datadog.duplicates), fields.get("absent", datadog.absent)
    if duplicates not in DUPLICATES:
        raise ControlError(f"duplicates must be one of {', '.join(DUPLICATES)}, not {duplicates!r}.")
    if absent not in ABSENT:
        raise ControlError(f"absent must be one of {', '.join(map(str, ABSENT))}, not {absent}.")
    try:
        datadog.resources.forbid([str(kind) for kind in fields.get("forbidden", datadog.resources.forbidden)])
    except ValueError as error:
        raise ControlError(str(error)) from error
    datadog.duplicates, datadog.absent = duplicates, absent
    datadog.keys_valid = fields.get("keys_valid", datadog.keys_valid)
    datadog.may_write = fields.get("may_write", datadog.may_write)


def _switches(datadog: Organization) -> Json:
    return {
        "duplicates": datadog.duplicates,
        "absent": datadog.absent,
        "keys_valid": datadog.keys_valid,
        "may_write": datadog.may_write,
        "forbidden": sorted(datadog.resources.forbidden),
    }
