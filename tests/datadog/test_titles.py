"""Names of insights, against the sandbox's Datadog: what is asked, how often, and what failures come to."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
import structlog
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v1.api.events_api import EventsApi
from datadog_api_client.v1.api.notebooks_api import NotebooksApi
from datadog_api_client.v1.api.service_level_objectives_api import ServiceLevelObjectivesApi
from datadog_api_client.v1.api.synthetics_api import SyntheticsApi
from pydantic import SecretStr

from bot.config.credentials import Keys
from bot.datadog import answers
from bot.datadog.client import Datadog
from bot.datadog.resources import TYPES, ResourceType, event_uid, type_of
from bot.datadog.titles import (
    AT_ONCE,
    AT_ONCE_IN_ALL,
    NAME_SECONDS,
    NO_NAME_SECONDS,
    OFF_SECONDS,
    PER_CARD,
    TROUBLE_SECONDS,
    Titles,
)
from bot.model import Identity, InsightType, NoteType
from bot.sandbox.datadog.resources import EVENT_UID, INCIDENT, OLD_EVENT, OOM_ISSUE, SIGNAL, SLO, SYNTHETIC_TEST
from bot.sandbox.datadog.server import DatadogServer

MONITOR = "GET /api/v1/monitor/{resource_id}"
DASHBOARD = "GET /api/v1/dashboard/{resource_id}"
INCIDENTS = "GET /api/v2/incidents/{resource_id}"
VALID = "GET /api/v2/validate_keys"
LONG_EVENT = base64.urlsafe_b64encode(b"\x01\0\0\x01" + b"\xdd" * 13 + EVENT_UID.encode()).decode().rstrip("=")


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server() -> AsyncIterator[DatadogServer]:
    async with DatadogServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def names(server: DatadogServer, clock: Clock) -> AsyncIterator[Titles]:
    client = Datadog(
        server.url, Keys(SecretStr("sandbox-api-key"), SecretStr("sandbox-app-key")), timeout=5, clock=clock
    )
    names = Titles(client, "default", asyncio.Semaphore(AT_ONCE_IN_ALL), clock)
    yield names
    await names.close()
    await client.close()


def insight(kind: InsightType, resource_id: str, scope: str = "") -> Identity:
    return Identity(kind, scope, resource_id)


def monitor(number: int) -> Identity:
    return insight(InsightType.MONITOR, str(number))


HIGH_MEMORY = monitor(17131362)
OF_MONITORS = {HIGH_MEMORY: "High memory on api"}


def widget(number: int, dashboard: str = "abc-def-ghi") -> Identity:
    return insight(InsightType.WIDGET, str(number), dashboard)


def calls(server: DatadogServer, method: str = "*") -> int:
    return len([call for call in server.control.calls if method in ("*", call.method)])


# --- what is told ---


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (HIGH_MEMORY, "High memory on api"),
        (widget(21), "Memory by pod"),
        (insight(InsightType.INCIDENT, "421"), "API answers slowly after deploy"),
        (insight(InsightType.INCIDENT, INCIDENT), "API answers slowly after deploy"),
        (insight(InsightType.ERROR_TRACKING, OOM_ISSUE), "MemoryError: cannot allocate 512 MiB for the response cache"),
        (insight(InsightType.SECURITY_SIGNAL, SIGNAL), "Many failed logins from one address"),
        (insight(InsightType.EVENT, EVENT_UID), "Deployed api 4.7.1"),
        (insight(InsightType.EVENT, LONG_EVENT), "Deployed api 4.7.1"),
        (insight(InsightType.EVENT, OLD_EVENT), "Nightly backup finished"),
        (Identity(NoteType.NOTE, "Dashboard", "abc-def-ghi"), "API overview"),
        (Identity(NoteType.NOTE, "Notebook", "12345"), "Postmortem of the memory leak"),
        (Identity(NoteType.NOTE, "SLO", SLO), "API availability"),
        (Identity(NoteType.NOTE, "Synthetic test", SYNTHETIC_TEST), "Checkout works"),
    ],
)
async def test_each_type_that_has_a_name_tells_it(names, wanted, name):
    assert await names.look_up([wanted], within=5) == {wanted: name}


async def test_what_has_no_name_is_left_out_and_the_rest_is_told(server, names):
    server.resources.by_kind["incident"]["422"] = server.resources.by_kind["incident"]["421"]
    other_number, story = insight(InsightType.INCIDENT, "422"), insight(InsightType.WATCHDOG_STORY, "a" * 32)
    assert await names.look_up([widget(22), monitor(5), other_number, HIGH_MEMORY, story], within=5) == OF_MONITORS


async def test_widgets_in_a_group_have_names_too(server, names):
    inner = {"id": 7, "definition": {"type": "timeseries", "title": "Restarts"}}
    group = {"id": 6, "definition": {"type": "group", "title": "Pods", "widgets": [inner]}}
    server.resources.by_kind["dashboard"]["abc-def-ghi"]["widgets"] = [group]
    assert await names.look_up([widget(6), widget(7)], within=5) == {widget(6): "Pods", widget(7): "Restarts"}
    assert calls(server, DASHBOARD) == 1, "for all of a dashboard"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("\u202eback\u202cwards\x00", "back wards"),
        ("x" * 5000, "x" * 100 + "…" + "x" * 99),
        ("<!channel> & {{host.name}}", "<!channel> & {{host.name}}"),
        (7, "7"),
        (" \n ", None),
        ("", None),
        (None, None),
    ],
)
async def test_a_name_is_one_plain_line_and_an_empty_one_is_none(server, names, told, shown):
    server.resources.by_kind["monitor"]["17131362"]["name"] = told
    assert await names.look_up([HIGH_MEMORY], within=5) == ({HIGH_MEMORY: shown} if shown else {})


async def test_the_official_client_reads_an_event_with_a_number_too(server):
    keys = {"apiKeyAuth": "sandbox-api-key", "appKeyAuth": "sandbox-app-key"}
    with ApiClient(Configuration(host=server.url, api_key=keys)) as official:
        told = await asyncio.to_thread(EventsApi(official).get_event, int(OLD_EVENT))
    assert told.event.title == "Nightly backup finished"
    assert not told._unparsed


async def test_the_official_client_reads_what_notes_are_named_after(server):
    keys = {"apiKeyAuth": "sandbox-api-key", "appKeyAuth": "sandbox-app-key"}
    with ApiClient(Configuration(host=server.url, api_key=keys)) as official:
        notebook = await asyncio.to_thread(NotebooksApi(official).get_notebook, 12345)
        slo = await asyncio.to_thread(ServiceLevelObjectivesApi(official).get_slo, SLO)
        test = await asyncio.to_thread(SyntheticsApi(official).get_test, SYNTHETIC_TEST)
    names = (notebook.data.attributes.name, slo.data.name, test.name)
    assert names == ("Postmortem of the memory leak", "API availability", "Checkout works")
    assert not any(told._unparsed for told in (notebook, slo, test))


# --- what is asked ---


@pytest.mark.parametrize(
    "wanted",
    [
        insight(InsightType.MONITOR, "../../v2/users"),
        insight(InsightType.MONITOR, "1?x=y"),
        insight(InsightType.MONITOR, "1\n"),
        insight(InsightType.MONITOR, "١٢٣"),
        insight(InsightType.INCIDENT, "IR-22"),
        insight(InsightType.ERROR_TRACKING, "search"),
        insight(InsightType.WIDGET, "21", ".."),
        insight(InsightType.WIDGET, "21"),
        insight(InsightType.SECURITY_SIGNAL, "search/../.."),
        insight(InsightType.EVENT, "%2e%2e%2fusers"),
        insight(InsightType.SCM_URL, "https://github.com/a/b/pull/1"),
        Identity(NoteType.NOTE, "Log search", "/logs?query=x"),
        Identity(NoteType.NOTE, "Dashboard", "../v2/users"),
        Identity(NoteType.NOTE, "SLO", "search"),
        Identity(NoteType.NOTE, "Trace", "12345"),
    ],
)
async def test_an_id_of_another_shape_is_not_asked_for(server, names, wanted):
    assert type_of(wanted) is None
    assert await names.look_up([wanted], within=5) == {}
    assert calls(server) == 0


@pytest.mark.parametrize("resource_type", TYPES, ids=lambda row: row.path)
@pytest.mark.parametrize(
    "body", ["[]", "7", "text", "", '{"data": [], "name": {}, "title": [], "widgets": 7, "event": []}']
)
def test_an_answer_of_another_shape_has_no_names_and_says_where(resource_type: ResourceType, body: str):
    part = answers.read(body.encode())
    assert not any(resource_type.names(part).values())
    assert part.unread


async def test_a_name_is_read_for_itself_whatever_else_cannot_be_read(server, names):
    odd = [7, {"id": [], "definition": {"title": "no id"}}, {"id": 8, "definition": []}, {"id": 9, "definition": None}]
    server.resources.by_kind["dashboard"]["abc-def-ghi"]["widgets"] += odd
    server.resources.by_kind["incident"]["421"]["data"]["attributes"]["public_id"] = [421]
    incident = insight(InsightType.INCIDENT, INCIDENT)
    with structlog.testing.capture_logs() as logged:
        assert await names.look_up([widget(21), widget(8)], within=5) == {widget(21): "Memory by pod"}
        server.control.rule("datadog", INCIDENTS, body=server.resources.by_kind["incident"]["421"])
        assert await names.look_up([incident], within=5) == {incident: "API answers slowly after deploy"}
    paths = {path for line in logged for path in line["paths"]}
    assert {"widgets[2]: int", "widgets[3].id: list", "data.attributes.public_id: list"} <= paths


def test_an_event_without_its_uid_inside_is_asked_for_as_it_is():
    for event_id in ("AZsKLCxvAACrUQTfNDwMWwAA", "AQAAAe-1", "evt-1", "="):
        assert event_uid(event_id) == event_id


async def test_a_name_is_asked_for_once_by_however_many_cards_and_again_after_an_hour(server, names, clock):
    assert names.cached([HIGH_MEMORY]) == {}
    for _ in range(2):
        told = await asyncio.gather(*(names.look_up([HIGH_MEMORY, HIGH_MEMORY], within=5) for _ in range(3)))
        assert told == [OF_MONITORS] * 3
    assert calls(server) == 1
    clock.now += NAME_SECONDS + 1
    assert names.cached([HIGH_MEMORY]) == {}
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS
    assert calls(server) == 2


async def test_one_card_starts_no_more_than_twenty_look_ups_and_eight_at_once(server, names):
    server.control.rule("datadog", MONITOR, hold="before")
    asked = asyncio.create_task(names.look_up([monitor(number) for number in range(1, 31)], within=30))
    await server.control.until(lambda: len(server.control.held()) == AT_ONCE, what="eight look-ups")
    assert await names._datadog.check_keys() is None, "a call later than any ninth look-up"
    assert calls(server, MONITOR) == AT_ONCE
    server.control.clear_rules()
    server.control.release()
    await asked
    assert calls(server, MONITOR) == PER_CARD


async def test_all_organisations_together_have_sixteen_look_ups_under_way(server, names):
    server.control.rule("datadog", MONITOR, hold="before")
    others = [Titles(names._datadog, f"org-{number}", names._places) for number in range(2)]
    asked = [asyncio.create_task(each.look_up([monitor(n) for n in range(9)], within=30)) for each in [names, *others]]
    await server.control.until(lambda: len(server.control.held()) == AT_ONCE_IN_ALL, what="sixteen look-ups")
    assert await names._datadog.check_keys() is None, "a call later than any seventeenth look-up"
    assert calls(server, MONITOR) == AT_ONCE_IN_ALL
    server.control.clear_rules()
    server.control.release()
    await asyncio.gather(*asked)
    assert calls(server, MONITOR) == 27


# --- what goes wrong ---


async def test_a_slow_look_up_holds_nobody_up_twice_and_its_name_is_there_later(server, names, clock):
    server.control.rule("datadog", MONITOR, hold="before")
    assert await names.look_up([HIGH_MEMORY], within=0.05) == {}
    clock.now += 60
    async with asyncio.timeout(5):
        assert await names.look_up([HIGH_MEMORY], within=60) == {}
    server.control.release()
    assert await names.look_up([HIGH_MEMORY], within=90) == OF_MONITORS
    assert calls(server) == 1


async def test_a_missing_permission_turns_its_type_off_for_an_hour_with_one_line(server, names, clock):
    server.resources.forbid(["monitor"])
    with structlog.testing.capture_logs() as logged:
        assert await names.look_up([HIGH_MEMORY, monitor(2), widget(21)], within=5) == {widget(21): "Memory by pod"}
        before = calls(server, MONITOR)
        assert await names.look_up([monitor(number) for number in range(3, 9)], within=5) == {}
    assert calls(server, MONITOR) == before
    assert [(line["event"], line["needs"], line["log_level"]) for line in logged] == [
        ("names.not_permitted", "monitors_read", "warning")
    ]

    clock.now += OFF_SECONDS + 1
    assert await names.look_up([monitor(2)], within=5) == {}
    assert calls(server, MONITOR) == before + 1
    clock.now += OFF_SECONDS + 1
    server.resources.forbid([])
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS


@pytest.mark.parametrize("valid", [True, False])
async def test_refused_credentials_turn_no_type_off(server, names, clock, valid):
    server.keys_valid = valid
    if valid:
        server.control.rule("datadog", MONITOR, status=401, times=1)
    with structlog.testing.capture_logs() as logged:
        assert await names.look_up([HIGH_MEMORY], within=5) == {}
    before = calls(server)
    assert await names.look_up([HIGH_MEMORY] if valid else [HIGH_MEMORY, widget(21)], within=5) == {}
    assert calls(server) == before
    assert [line["event"] for line in logged] == ([] if valid else ["datadog.credentials_refused"])
    server.keys_valid = True
    clock.now += 61
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS


async def test_whether_it_is_the_credentials_can_be_unknown(server, names, clock):
    server.resources.forbid(["monitor"])
    server.control.rule("datadog", VALID, status=503, times=1)
    assert await names.look_up([HIGH_MEMORY], within=5) == {}
    server.resources.forbid([])
    clock.now += TROUBLE_SECONDS + 1
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        ({"status": 500}, TROUBLE_SECONDS),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, TROUBLE_SECONDS),
        ({"drop": "before"}, TROUBLE_SECONDS),
        ({"status": 404}, NO_NAME_SECONDS),
        ({"status": 400, "body": "<html>"}, NO_NAME_SECONDS),
        ({"body": "<html>Sign in</html>"}, NO_NAME_SECONDS),
        ({"body": {"name": {"no": "text"}}}, NO_NAME_SECONDS),
        ({"body": []}, NO_NAME_SECONDS),
    ],
)
async def test_an_answer_without_a_name_is_none_and_is_asked_for_again_later(server, names, clock, rule, seconds):
    server.control.rule("datadog", MONITOR, times=1, **rule)
    for _ in range(2):
        assert await names.look_up([HIGH_MEMORY], within=5) == {}
    assert calls(server) == 1
    clock.now += seconds + 1
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS


async def test_a_rate_limit_stops_all_look_ups_until_it_is_over(server, names, clock):
    server.limit(1, 120, html=True)
    assert await names.look_up([HIGH_MEMORY], within=5) == {}
    clock.now += 119
    assert await names.look_up([HIGH_MEMORY, widget(21)], within=5) == {}
    assert calls(server) == 1
    clock.now += 2
    assert await names.look_up([HIGH_MEMORY], within=5) == OF_MONITORS


async def test_closing_gives_up_what_is_under_way(server, names):
    server.control.rule("datadog", MONITOR, hold="before")
    assert await names.look_up([HIGH_MEMORY], within=0) == {}
    await names.close()
    server.control.release()
    assert names.cached([HIGH_MEMORY]) == {}
