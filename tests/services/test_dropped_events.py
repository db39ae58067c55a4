"""Dropped events: told for an hour, whichever replica heard of it."""

import pytest

from bot.services.dropped_events import warning
from bot.store import heartbeats
from tests.services.conftest import Office


@pytest.mark.parametrize(("ago", "told"), [(None, False), (0.0, True), (3000.0, True), (4000.0, False)])
async def test_that_slack_dropped_events_is_told_for_an_hour(office: Office, ago: float | None, told: bool):
    await heartbeats.beat(office.store, "deaf", 5.0)
    await heartbeats.beat(office.store, "told", 5.0, ago)
    assert (await warning(office.context)).startswith("Slack dropped events in the last hour") == told
