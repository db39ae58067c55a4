"""The one reader of payloads: what it keeps, and what it does not take for Slack's."""

from typing import Any

import pytest

from bot.slack.payloads import is_notice, parse, read

EVENT = {"type": "message", "channel": "C1", "ts": "1.2"}


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ('{"type": "x"}', False, {"type": "x"}),
        ("payload=%7B%22type%22%3A+%22x%22%7D", True, {"type": "x"}),
        ("command=%2Finsight&text=add+payload", True, {"command": "/insight", "text": "add payload"}),
        (r'{"type": "\ud800x\udc00"}', False, {"type": "\ufffdx\ufffd"}),
        (r'{"type": "\ud83d\ude00"}', False, {"type": "\U0001f600"}),
        ("command=%2Finsight&payload=%7B%7D", True, {"command": "/insight", "payload": "{}"}),
    ],
)
def test_a_body_is_json_a_payload_in_a_form_or_a_command_that_may_say_payload(text: str, form: bool, wanted: object):
    assert parse(text, form=form) == wanted


def test_a_field_of_a_wrong_type_and_an_id_that_is_none_count_as_absent_and_the_rest_stays():
    odd = {
        "thread_ts": ["1.2"],
        "user": "C/1",
        "text": 1,
        "metadata": "x",
        "message": {"ts": 1},
        "blocks": [{"any": 1}],
    }
    assert read({"type": "event_callback", "event": {**EVENT, **odd}, "team_id": {"id": "T1"}}) == {
        "type": "event_callback",
        "event": {**EVENT, "blocks": [{"any": 1}]},
    }


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"type": ["event_callback"]},
        {"type": "event_callback"},
        {"type": "event_callback", "event": {"type": "message", "ts": "1.2"}},
        {"type": "event_callback", "event": {"type": "reaction_added", "user": "U1", "reaction": "eyes"}},
        {"type": "block_actions", "user": {"id": "U1"}, "actions": []},
        {"type": "view_submission", "user": {"id": "U1"}, "view": {"type": "modal"}},
        {"type": "url_verification", "challenge": 1},
        {"command": "/insight", "user_id": "U1"},
    ],
)
def test_what_lacks_what_its_kind_cannot_do_without_is_not_slacks(payload: Any):
    assert read(payload) is None


@pytest.mark.parametrize("kind", ["app_rate_limited", "view_closed", "dialog_submission", "one_of_tomorrow"])
def test_of_what_nobody_here_listens_for_its_kind_is_left(kind: str):
    payload = read({"type": kind, "team_id": "T1", "user": {"id": "U1"}, "minute_rate_limited": 1518467820})
    assert payload == {"type": kind}
    assert is_notice(payload)
    assert not is_notice({"type": "url_verification", "challenge": "x"})


def test_slacks_own_check_of_a_command_s_address_is_let_through():
    assert read({"ssl_check": "1", "token": "x"}) == {"ssl_check": "1"}
