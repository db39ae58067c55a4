"""Which rules are on, as two windows of the page need to know it."""

from tests.sandbox.test_control import PUT


async def test_the_rules_that_are_on_are_listed_and_each_change_is_told(datadog, caller):
    slow = (await caller.post("/_sandbox/rules", json={"service": "datadog", "method": "*", "delay": 4})).json()["rule"]
    down = (await caller.post("/_sandbox/rules", json={"service": "slack", "method": "*", "drop": "before"})).json()
    listed = (await caller.get("/_sandbox/rules")).json()
    assert listed["event"] == datadog.control.last_event
    assert [(one["rule"], one["delay"], one["drop"]) for one in listed["rules"]] == [
        (slow, 4, None),
        (down["rule"], 0, "before"),
    ]
    told = [event.data for event in datadog.control.events if event.kind == "rules"]
    assert told[-1] == {"rules": listed["rules"]}


async def test_one_rule_is_dropped_and_the_others_stay(datadog, caller):
    going = datadog.control.rule("datadog", PUT, status=500)
    staying = datadog.control.rule("datadog", PUT, status=429)
    assert (await caller.delete("/_sandbox/rules", params={"rule": going})).json() == {"ok": True}
    assert [one["rule"] for one in datadog.control.rules()] == [staying]


async def test_a_rule_whose_times_are_used_up_is_not_listed(datadog, caller):
    datadog.control.rule("datadog", "*", status=500, times=1)
    assert (await caller.get("/api/v2/cases")).status_code == 500
    assert datadog.control.rules() == []
