"""`case-insights add` against the sandbox's Datadog: each link once, whatever fails, and what it says of each."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import ConfigError
from bot.datadog.errors import DatadogTransient, TransientReason
from bot.messages import adding
from bot.ops.add import as_json, as_text, run
from bot.ops.add.delivery import Ending, Patience, TimeLimits
from bot.sandbox.datadog.cases import CaseInsight
from bot.sandbox.datadog.server import DatadogServer

PROJECT = Path(__file__).parents[2]
KEY = "CASEM-4523"
KEYS = {"DD_API_KEY": "sandbox-api-key", "DD_APP_KEY": "sandbox-app-key"}
GET, PUT = "GET /api/v2/cases/{case_id}", "PUT /api/v2/cases/{case_id}/insights"
QUICK = TimeLimits(within=5, timeout=2, cap=0.1, settles=0.1)
ISSUE = "https://app.datadoghq.com/error-tracking/issue/2841440d-0b1e-11f0-9a2c-da7ad0900005"
PULL = "https://github.com/acme/api/pull/7"
ADDED, ON_CASE, NOT, FAILED = Ending


def monitor(number: int) -> str:
    return f"https://app.datadoghq.com/monitors/{number}"


@pytest.fixture
async def datadog() -> AsyncIterator[DatadogServer]:
    async with DatadogServer() as server:
        server.add_case(KEY, "Memory leak investigation on API")
        yield server


async def add(datadog: DatadogServer, *links: str, case: str = KEY, limits: TimeLimits = QUICK, **settings: str):
    return await run(case, links, limits, process={**KEYS, "DD_API_URL": datadog.url, **settings})


def endings(results) -> list[Ending]:
    return [result.ending for result in results]


def on_case(datadog: DatadogServer) -> list[str]:
    return [insight.resource_id for insight in datadog.cases[KEY].insights]


def calls(datadog: DatadogServer) -> list[str]:
    return [call.method.partition(" ")[0] for call in datadog.control.calls]


async def test_each_link_is_put_there_once_and_each_has_its_line(datadog):
    links = [monitor(1), ISSUE, f"{monitor(1)}?group=host%3Adb", PULL, "https://app.datadoghq.com/logs", "no link"]
    results = await add(datadog, *links)
    assert endings(results) == [ADDED, ADDED, ADDED, ADDED, NOT, NOT]
    assert [as_text(result) for result in results[::4]] == [
        f"{monitor(1)}: added to {KEY}",
        f"{links[4]}: not an insight: {results[4].reason}",
    ]
    assert len(on_case(datadog)) == 3
    again = await add(datadog, *links)
    assert endings(again) == [ON_CASE] * 4 + [NOT] * 2
    assert as_text(again[0]) == f"{monitor(1)}: on {KEY} already"
    assert len(on_case(datadog)) == 3
    row = json.loads(json.dumps(as_json(again[1])))
    assert row == {
        "link": ISSUE,
        "outcome": "on_case",
        "case": KEY,
        "reason": None,
        "type": "ERROR_TRACKING",
        "resource_id": "2841440d-0b1e-11f0-9a2c-da7ad0900005",
        "scope": None,
        "ref": "/error-tracking/issue/2841440d-0b1e-11f0-9a2c-da7ad0900005",
    }


async def test_the_case_is_named_by_key_uuid_or_link_and_read_before_each_call_of_at_most_100(datadog):
    case_id = datadog.cases[KEY].id
    for case in (KEY.lower(), case_id.upper(), f"https://app.datadoghq.com/cases/{KEY}?view=x"):
        assert endings(await add(datadog, monitor(1), case=case))
    datadog.control.calls.clear()
    results = await add(datadog, *map(monitor, range(1, 232)))
    assert endings(results) == [ON_CASE, *[ADDED] * 230]
    assert calls(datadog) == ["GET", *["GET", "PUT"] * 3]
    assert [len(set(on_case(datadog))), len(on_case(datadog))] == [231, 231]


@pytest.mark.parametrize("duplicates", ["append", "reject"])
@pytest.mark.parametrize("method", [GET, PUT])
@pytest.mark.parametrize(
    "fault",
    [
        {"drop": "after"},
        {"drop": "before"},
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 429, "headers": {"X-RateLimit-Reset": "0"}},
        {"status": 200, "body": "<html>"},
    ],
    ids=lambda fault: " ".join(map(str, [*fault.values()][:1])) + str(fault.get("drop", "")),
)
async def test_what_fails_for_now_is_tried_again_and_nothing_is_there_twice(datadog, fault, method, duplicates):
    datadog.duplicates = duplicates
    datadog.control.rule("datadog", method, times=2, **fault)
    results = await add(datadog, *map(monitor, range(1, 121)))
    assert set(endings(results)) == {ADDED}
    if method == GET or fault.get("status") != 200:  # a 200 is done, whatever its body
        assert sorted(map(int, on_case(datadog))) == [*range(1, 121)]


async def test_a_call_that_is_carried_out_after_its_time_is_waited_for_before_the_case_is_read(datadog):
    datadog.control.rule("datadog", PUT, delay=0.8, times=1)
    limits = TimeLimits(within=20, timeout=0.3, cap=0.1, settles=1.5)
    assert endings(await add(datadog, monitor(1), limits=limits)) == [ADDED]
    assert on_case(datadog) == ["1"]


@pytest.mark.parametrize(
    ("method", "fault", "words"),
    [
        (GET, {"status": 503}, "Datadog is not answering (503)."),
        (GET, {"drop": "after"}, "Datadog is not answering."),
        (PUT, {"status": 429, "headers": {"Retry-After": "3600"}}, "Datadog asks the bot to slow down (429)."),
        (PUT, {"status": 503}, f"Datadog is not answering (503). {adding.LOOK_FIRST}"),
        (PUT, {"drop": "after"}, f"Datadog is not answering. {adding.LOOK_FIRST}"),
    ],
)
async def test_the_time_is_bounded_and_what_may_have_arrived_says_so(datadog, method, fault, words):
    datadog.control.rule("datadog", method, **fault)
    async with asyncio.timeout(5):
        results = await add(datadog, monitor(1), "no link", limits=TimeLimits(within=0.3, cap=0.1, settles=60))
    assert [result.ending for result in results] == [FAILED, NOT]
    assert as_text(results[0]) == f"{monitor(1)}: failed: {words}"


async def test_datadog_says_how_long_and_keys_are_not_waited_for():
    def error(after: float | None, why: TransientReason = TransientReason.RATE_LIMITED) -> DatadogTransient:
        return DatadogTransient(why, 429, after=after)

    loop = asyncio.get_running_loop()
    began, patience = loop.time(), Patience(TimeLimits(within=0.5, cap=0.1))
    assert await patience.after(error(0.2))
    assert await patience.after(error(None))
    assert 0.28 <= loop.time() - began <= 0.45
    assert not await patience.after(error(3600))
    assert not await patience.after(error(0.0, TransientReason.CREDENTIALS))


async def test_bad_links_among_many_fail_alone_in_datadogs_words(datadog):
    datadog.refused = {"1", "10", "20", "30"}
    results = await add(datadog, *map(monitor, range(1, 31)))
    failed = {str(number): each.reason for number, each in enumerate(results, 1) if each.ending is FAILED}
    assert failed == {number: f"Datadog says: 'resource {number} does not exist'" for number in datadog.refused}
    assert endings(results).count(ADDED) == 26
    assert sorted(map(int, on_case(datadog))) == [number for number in range(2, 30) if number % 10]
    assert calls(datadog).count("PUT") <= 26, "halves find them"


async def test_where_three_in_a_row_are_refused_the_rest_is_not_tried(datadog):
    datadog.control.rule("datadog", PUT, status=400, body={"errors": ["closed"]})
    results = await add(datadog, *map(monitor, range(1, 41)))
    reasons = [result.reason for result in results]
    assert reasons == ["Datadog says: 'closed'"] * 3 + [adding.OTHERS_REFUSED] * 37


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 403, "body": {"errors": ["Forbidden"]}}, "Datadog refused (403, Forbidden): check cases_write"),
        ({"status": 404, "body": {"errors": ["gone"]}}, "Datadog no longer has the case."),
    ],
)
async def test_what_concerns_the_case_ends_all(datadog, answer, words):
    datadog.control.rule("datadog", PUT, **answer)
    results = await add(datadog, *map(monitor, range(1, 121)))
    assert {result.reason[: len(words)] for result in results} == {words}
    assert calls(datadog).count("PUT") == 1


@pytest.mark.parametrize("insights", [None, [7], "all", [{"type": "MONITOR"}]])
async def test_nothing_is_sent_where_datadog_does_not_say_what_is_there(datadog, insights):
    attributes = {"key": KEY, "title": "t", "insights": insights}
    datadog.control.rule("datadog", GET, body={"data": {"id": datadog.cases[KEY].id, "attributes": attributes}})
    [result] = await add(datadog, monitor(1))
    assert (result.ending, result.reason) == (FAILED, adding.NOT_LISTED)
    assert not on_case(datadog)


async def test_insights_that_the_bot_does_not_know_are_no_reason_to_send_nothing(datadog):
    datadog.cases[KEY].insights = [CaseInsight("NOTEBOOK", "1", "/notebook/1")]
    assert endings(await add(datadog, monitor(1))) == [ADDED]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://app.datadoghq.eu/monitors/1", "different Datadog organisations"),
        ("https://app.datadoghq.com/monitors/manage", "This is a list or a search"),
        ("https://app.datadoghq.com/cases/CASEM-1", adding.CASE_LINK),
        ("https://app.datadoghq.com/event/correlation", "Event correlation: "),
        ("https://app.datadoghq.com.evil.example/monitors/1", "looks like Datadog's"),
        ("app.datadoghq.com/monitors/1", "no web address"),
        ("\x1b[31m\u202e", "no web address"),
    ],
)
async def test_what_is_no_insight_says_why_in_one_line(datadog, link, words):
    [result] = await add(datadog, link)
    assert result.ending is NOT
    assert words in as_text(result)
    assert as_text(result).isprintable()
    assert "PUT" not in calls(datadog)


ORGS = """
[acme]
dd_api_key = "sandbox-api-key"
dd_app_key = "sandbox-app-key"
dd_api_url = "{one}"
dd_web_hosts = ["acme.datadoghq.com"]
[beta]
dd_site = "datadoghq.eu"
dd_api_key = "sandbox-api-key"
dd_app_key = "sandbox-app-key"
dd_api_url = "{two}"
"""


async def test_of_several_organisations_the_case_has_one_and_links_of_others_are_refused(datadog, tmp_path: Path):
    ours, theirs = "https://acme.datadoghq.com/monitors/1", "https://app.datadoghq.eu/monitors/1"
    async with DatadogServer() as other:
        other.add_case("OPS-1", "Disk full")
        file = tmp_path / "orgs.toml"
        file.write_text(ORGS.format(one=datadog.url, two=other.url))
        process = {"CASE_INSIGHTS_ORGS_FILE": str(file)}
        assert endings(await run(KEY, [ours, theirs, PULL], QUICK, process=process)) == [ADDED, NOT, ADDED]
        assert endings(await run("OPS-1", [ours, theirs, PULL], QUICK, process=process)) == [NOT, ADDED, ADDED]
        other.add_case(KEY, "Another")
        with pytest.raises(ConfigError, match=r"CASEM-4523 is a case in acme, beta; give its UUID or its link\."):
            await run(KEY, [ours], QUICK, process=process)
        link = f"https://app.datadoghq.eu/cases/{KEY}"
        assert endings(await run(link, [ours, theirs], QUICK, process=process)) == [NOT, ADDED]
        assert len(other.cases[KEY].insights) == 1


@pytest.mark.parametrize(
    ("case", "settings", "words"),
    [
        ("CASEM-1", {}, "--case: Datadog knows no case CASEM-1"),
        ("7d16945b-baf8-411e-ab2a-20fe43af1ea3", {}, "--case: Datadog knows no case 7d16945b"),
        ("casem", {}, "--case: 'casem' is no case of ours"),
        ("", {}, "--case: '' is no case of ours"),
        ("\x1b[31mX", {}, "--case: '[31mX' is no case of ours"),
        (monitor(1), {}, "is no case of ours"),
        ("https://app.datadoghq.eu/cases/CASEM-4523", {}, "is no case of ours"),
        (KEY, {"DD_API_KEY": "very-secret"}, "Datadog does not accept the keys"),
        (KEY, {"DD_API_KEY": ""}, "DD_API_KEY is not set: "),
        (KEY, {"DD_SITE": "datadoghq"}, "DD_SITE "),
        (KEY, {"DD_ACCESS_TOKEN": "very-secret"}, "DD_ACCESS_TOKEN and DD_API_KEY are both set"),
        (KEY, {"CASE_INSIGHTS_ROUTES_FILE": "none.toml"}, "CASE_INSIGHTS_ROUTES_FILE: none.toml cannot be read"),
        (KEY, {"CASE_INSIGHTS_ORGS_FILE": "none.toml"}, "CASE_INSIGHTS_ORGS_FILE and "),
    ],
)
async def test_where_nothing_can_be_begun_one_sentence_says_why(datadog, case, settings, words):
    with pytest.raises(ConfigError) as refused:
        await add(datadog, monitor(1), case=case, **settings)
    assert words in str(refused.value)
    assert "very-secret" not in str(refused.value)
    assert not on_case(datadog)


async def test_a_case_that_the_keys_may_not_see_is_told(datadog):
    datadog.control.rule("datadog", GET, status=403, body={"errors": ["Forbidden"]})
    with pytest.raises(ConfigError, match=r"--case: Datadog does not let the keys see CASEM-4523 \(Forbidden\)"):
        await add(datadog, monitor(1))


async def test_settings_of_slack_and_the_database_do_not_matter(datadog):
    settings: dict[str, Any] = {"SLACK_BOT_TOKEN": "wrong", "DATABASE_URL": "x", "CASE_INSIGHTS_PORT": "x", "PORT": "y"}
    assert endings(await add(datadog, monitor(1), **settings)) == [ADDED]


SCRIPT = """
import sys
from bot.__main__ import main
try:
    main(["add", *sys.argv[1:]])
finally:
    heavy = {"slack_sdk", "slack_bolt", "sqlalchemy", "aiohttp", "alembic"} & set(sys.modules)
    print(heavy or "light", file=sys.stderr)
"""


async def test_a_pipeline_reads_lines_and_an_exit_code_and_pays_for_neither_slack_nor_the_database(datadog, tmp_path):
    async def piped(lines: str, *options: str) -> tuple[int | None, list[str]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SCRIPT, "--case", KEY, *options, "-"),
            env={"PYTHONPATH": str(PROJECT), "DD_API_URL": datadog.url, **KEYS},
            cwd=tmp_path,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        printed, errors = await process.communicate(lines.encode())
        assert errors.decode() == "light\n"
        return process.returncode, printed.decode().splitlines()

    status, printed = await piped(f"{monitor(1)}\r\n\n  {ISSUE}\nhello\n", "--json")
    rows = [json.loads(line) for line in printed]
    assert [(row["link"], row["outcome"]) for row in rows] == [
        (monitor(1), "added"),
        (ISSUE, "added"),
        ("hello", "not_an_insight"),
    ]
    assert status == 1
    assert await piped(f"{monitor(1)}\n") == (0, [f"{monitor(1)}: on {KEY} already"])
    assert await piped("") == (0, [])
