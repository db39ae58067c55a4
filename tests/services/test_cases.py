"""Cases: which one a thread is about, what a person can mean by a name, and what Datadog's answers become."""

import asyncio

import pytest

from bot.commands import CaseReference
from bot.datadog.errors import DatadogPermanent, DatadogTransient
from bot.model import Case, CaseName
from bot.services import cases
from bot.store import tie_changes
from tests.services.conftest import ANA, KEY, TEAM, context_of
from tests.store.conftest import CASE, OTHER_CASE, tie_by_hand

GET = "GET /api/v2/cases/{case_id}"
LINK = f"https://app.datadoghq.com/cases/{KEY}"
OTHER = "https://app.datadoghq.com/cases/PLAT-7"


@pytest.mark.parametrize(
    ("root", "channel", "expected"),
    [
        (f"see {LINK}", None, KEY),
        (f"see {LINK}", OTHER_CASE, KEY),
        (f"{LINK} or {OTHER}", OTHER_CASE, None),
        ("The API is slow", OTHER_CASE, OTHER_CASE.key),
        ("The API is slow", None, None),
    ],
)
async def test_a_thread_that_nobody_looked_at_is_about_its_roots_case_else_its_channels(
    office, root, channel, expected
):
    office.datadog.add_case("PLAT-7", "Disk full")
    thread = office.thread(root)
    if channel:
        await tie_by_hand(office.store, thread.whole_channel, channel, ANA)
    case = await cases.tied_case(office.context, thread)
    assert (case and case.key) == expected
    office.take_org_away()
    assert await cases.tied_case(office.context, thread) is None


async def test_a_thread_that_a_person_made_about_no_case_is_about_none(office):
    thread = office.thread(LINK)
    await tie_changes.untie(office.store, thread, ANA)
    assert await cases.tied_case(office.context, thread) is None
    await tie_by_hand(office.store, thread, CASE, ANA)
    assert await cases.tied_case(office.context, thread) == CASE
    assert office.datadog.control.calls == []


@pytest.mark.parametrize(
    ("reference", "orgs"),
    [
        (CaseReference(KEY), ["acme", "beta", "eu"]),
        (CaseReference(KEY, "beta"), ["beta"]),
        (CaseReference(KEY, "gamma"), []),
        (CaseReference(LINK), ["acme", "beta"]),
        (CaseReference("https://app.datadoghq.eu/cases/CASEM-4523"), ["eu"]),
        (CaseReference("https://us3.datadoghq.com/cases/CASEM-4523"), []),
    ],
)
def test_a_name_can_mean_a_case_of_each_organisation_that_may_have_it(reference, orgs):
    context = context_of(acme="datadoghq.com", beta="datadoghq.com", eu="datadoghq.eu")
    names = cases.names_of(context, TEAM, reference)
    assert list(names) == [CaseName(org, KEY) for org in orgs]


async def test_who_ask_at_the_same_time_share_one_call_and_its_answer_counts_for_a_while(office):
    [org], name = office.context.orgs.values(), CaseName("default", KEY)
    released = asyncio.Event()

    async def under_way() -> Case:
        await released.wait()
        return CASE

    org.asking[KEY] = asyncio.create_task(under_way())
    asked = [asyncio.create_task(cases.resolve(office.context, name)) for _ in range(5)]
    released.set()
    assert (await asyncio.gather(*asked), office.datadog.control.calls) == ([CASE] * 5, []), "one call is under way"
    org.asking.clear()
    answers = [await cases.resolve(office.context, name) for _ in range(2)]
    assert {case and case.key for case in answers} == {KEY}
    assert len(office.datadog.control.matching(method=GET)) == 1
    assert await cases.resolve(office.context, CaseName("gone", KEY)) is None


async def test_what_datadog_does_not_tell_is_no_case_a_refusal_or_asked_again(office):
    assert await cases.resolve(office.context, CaseName("default", "NOPE-1")) is None
    office.datadog.control.rule("datadog", GET, status=403)
    with pytest.raises(DatadogPermanent):
        await cases.resolve(office.context, CaseName("default", KEY))
    office.datadog.keys_valid = False
    with pytest.raises(DatadogTransient, match="credentials"):
        await cases.resolve(office.context, CaseName("default", KEY))
    calls = len(office.datadog.control.calls)
    with pytest.raises(DatadogTransient):
        await cases.resolve(office.context, CaseName("default", KEY))
    assert len(office.datadog.control.calls) == calls
