"""Addresses of Slack messages."""

import pytest

from bot.links import Permalink, permalink

TS, THREAD_TS = "1795439598.000001", "1795439590.000001"
MESSAGE, REPLY = Permalink("C0INC", TS, TS), Permalink("C0INC", TS, THREAD_TS)


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("acme.slack.com/archives/C0INC/p1795439598000001", MESSAGE),
        ("acme.slack.com/archives/C0INC/p1795439598000001/", MESSAGE),
        ("acme.enterprise.slack.com/archives/C0INC/p1795439598000001?cid=C0INC", MESSAGE),
        ("acme.slack.com/archives/C0INC/p1795439598000001?thread_ts=1795439590.000001&cid=C0INC", REPLY),
        ("acme.slack.com/archives/C0INC/p1795439598000001?cid=C0INC&thread_ts=1795439590.000001#x", REPLY),
        ("acme.slack.com/team/archives/C0INC/p1795439598000001", MESSAGE),
        ("acme.slack.com/messages/C0INC/p1795439598000001", MESSAGE),
        ("app.slack.com/client/T0ACME/C0INC/p1795439598000001", MESSAGE),
        ("app.slack.com/client/T0ACME/C0INC/p1795439598000001?thread_ts=1795439590.000001", REPLY),
        ("app.slack.com/client/E0GRID/C0INC/p1795439598000001", MESSAGE),
        ("app.slack.com/client/T0ACME/C0INC/thread/C0INC-1795439598.000001", MESSAGE),
        ("app.slack.com/client/T0ACME/C0OTHER/thread/C0INC-1795439598.000001", MESSAGE),
        ("app.slack.com/client/T0ACME/activity/thread/C0INC-1795439598.000001/?x=1", MESSAGE),
        ("acme.slack.com/archives/C0INC", None),
        ("app.slack.com/client/T0ACME/C0INC", None),
        ("acme.slack.com/archives/C0INC/p179543959800000", None),
        ("acme.slack.com/archives/U0ANA/p1795439598000001", None),
        ("app.datadoghq.com/monitors/1", None),
    ],
)
def test_every_form_of_a_messages_address_is_read(address: str, named: Permalink | None):
    assert permalink(f"https://{address}") == named
