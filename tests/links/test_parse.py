"""What a link is, for any link at all."""

from base64 import urlsafe_b64encode
from time import perf_counter
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import links
from bot.links.outcomes import CaseLink, Reason, Uncovered
from bot.links.refs import LONGEST
from bot.model import Draft, Identity, Insight, InsightType

ROUTES = links.load()
EXAMPLES = [(route, row) for route in ROUTES.rows for row in route.examples]
LINKS = [row.link for _, row in EXAMPLES]
UUID = "0f9e8d7c-1111-11f0-8abc-da7ad0900002"


def identity(link: str) -> Identity | None:
    outcome = links.parse(link, ROUTES)
    return outcome.identity if isinstance(outcome, Insight) else None


@given(st.text())
@example("https://app.datadoghq.com/error-tracking?sp=" + "[" * 9_000)
@example("https://app.datadoghq.com/\ud800")
@example("https://app.datadoghq.com/error-tracking?sp=%5B%7B%22p%22%3A%22%5Cud800%22%7D%5D")
def test_nothing_makes_it_raise(text: str) -> None:
    for link in (text, f"https://app.datadoghq.com/{text}", f"https://app.datadoghq.com/security/compliance?{text}"):
        reading = links.explain(link, ROUTES)
        assert (reading.reason is None) == isinstance(reading.outcome, Insight | Draft | CaseLink)
        assert links.as_row(reading)["link"] == link
        assert links.as_text(reading)


WORD = st.text(alphabet="abcdefghij0123456789-_~%&=?#/+.:{}[]\"' é", max_size=12)


@given(st.sampled_from(LINKS), st.lists(st.tuples(WORD, WORD), max_size=5), WORD)
def test_a_ref_put_back_on_its_host_is_the_same_insight(link: str, extra: list[tuple[str, str]], tail: str) -> None:
    base, _, fragment = link.partition("#")
    query = "&".join(f"{name}={value}" for name, value in extra)
    pasted = f"{base}{'&' if '?' in base else '?'}{query}{tail}" + (f"#{fragment}" if fragment else "")
    outcome = links.parse(pasted, ROUTES)
    if not isinstance(outcome, Insight | Draft):
        return
    back = outcome.ref if outcome.type is InsightType.SCM_URL else f"https://{outcome.host}{outcome.ref}"
    again = links.parse(back, ROUTES)
    assert isinstance(again, type(outcome))
    assert (again.type, again.scope, again.resource_id) == (outcome.type, outcome.scope, outcome.resource_id)
    assert outcome.ref.isascii()
    assert len(outcome.ref) <= LONGEST


TRACKING = ["link_source=monitor_notif", "link_monitor_id=7", "source=monitor_notif", "fromUser=true", "utm_source=x"]
VIEW = ["_user_click_origin_=x", "view=spans", "live=true", "from_ts=1", "to_ts=2", "paused=false", "start=1", "end=2"]


@given(st.sampled_from(LINKS), st.lists(st.sampled_from(TRACKING + VIEW), unique=True), st.booleans())
def test_tracking_and_time_never_change_the_identity(link: str, noise: list[str], first: bool) -> None:
    base, hash_, fragment = link.partition("#")
    path, _, query = base.partition("?")
    parts = [*noise, query] if first else [query, *noise]
    noisy = f"{path}?{'&'.join(part for part in parts if part)}{hash_}{fragment}"
    assert identity(noisy) == identity(link)


@pytest.mark.parametrize(
    "link",
    [
        "https://app.datadoghq.com/monitors/1?q=" + "a" * 100_000,
        "https://app.datadoghq.com/monitors/1?" + "a=1&" * 25_000,
        "https://app.datadoghq.com/monitors" + "/1" * 50_000,
        "https://app.datadoghq.com" + "/" * 100_000,
        "https://app.datadoghq.com/monitors/" + "1" * 100_000,
        "https://app.datadoghq.com/monitors/1" + "&amp;" * 20_000,
        "https://app.datadoghq.com/error-tracking?sp=" + "[" * 100_000,
        "https://app.datadoghq.com/error-tracking?issueId=" + "0" * 100_000,
        "https://app.datadoghq.com/security/compliance?query=" + "@finding_id:" * 8_000,
        "https://app.datadoghq.com/account/login?next=" + "%2F" * 30_000,
        "https://" + "a." * 50_000 + "datadoghq.com/monitors/1",
        "https://git.example" + "/a/-/merge_requests" * 5_000,
        "https://git.example" + "/projects/a/repos" * 6_000,
        "https://git.example" + "/_git/a/pullrequest" * 5_000,
        "https://app.datadoghq.com/monitors/1" + ")" * 100_000,
        "https://app.datadoghq.com/monitors/1?" + "([{" * 30_000 + ")" * 10_000,
        "{" * 100_000,
    ],
    ids=lambda link: link[:60],
)
def test_a_hostile_link_costs_milliseconds(link: str) -> None:
    started = perf_counter()
    links.explain(link, ROUTES)
    assert perf_counter() - started < 5, "milliseconds on a quiet machine; what grows with the square takes minutes"


def test_a_ref_longer_than_2000_is_cut_to_what_identifies() -> None:
    noise = "query=" + "x" * 3000
    panel = quote('[{"p":{"issueId":"%s","note":"%s"}}]' % (UUID, "x" * 3000))  # noqa: UP031 - braces everywhere
    cut = {
        f"https://app.datadoghq.com/monitors/1?{noise}": "/monitors/1",
        f"https://app.datadoghq.com/monitors/1/{'x' * 3000}": "/monitors/1",
        f"https://app.datadoghq.com/event/event?{noise}&id=7": "/event/event?id=7",
        f"https://app.datadoghq.com/dashboard/abc-def-ghi/s?{noise}&tile_focus=7": (
            "/dashboard/abc-def-ghi?tile_focus=7"
        ),
        f"https://app.datadoghq.com/error-tracking?sp={panel}": f"/error-tracking?issueId={UUID}",
        f"https://app.datadoghq.com/security/compliance?{noise}%20@finding_id:YX5i": (
            "/security/compliance?query=%40finding_id%3AYX5i"
        ),
    }
    for link, ref in cut.items():
        outcome = links.parse(link, ROUTES)
        assert isinstance(outcome, Insight)
        assert outcome.ref == ref
        assert identity(f"https://{outcome.host}{ref}") == outcome.identity


def test_k23_the_same_widget_number_on_two_dashboards_is_two_insights() -> None:
    one = identity("https://app.datadoghq.com/dashboard/aaa-aaa-aaa/x?fullscreen_widget=21")
    two = identity("https://app.datadoghq.com/dashboard/bbb-bbb-bbb/x?fullscreen_widget=21")
    assert one == Identity(InsightType.WIDGET, "aaa-aaa-aaa", "21")
    assert two == Identity(InsightType.WIDGET, "bbb-bbb-bbb", "21")


def test_the_two_places_of_a_finding_s_id_agree() -> None:
    encoded = urlsafe_b64encode(b"aaa-bbb-ccc~i-0123").decode()
    panels = quote("cpfinding|event|ruleId:aaa-bbb-ccc|resourceId:i-0123", safe="")
    query = quote(f"@finding_id:{encoded}", safe="")
    page = "https://app.datadoghq.com/security/compliance"
    assert identity(f"{page}?panels={panels}") == identity(f"{page}?query={query}") is not None


def test_an_insight_that_datadog_returns_has_the_identity_of_its_link() -> None:
    for route, row in EXAMPLES:
        outcome = links.parse(row.link, ROUTES)
        if isinstance(outcome, Insight):
            assert links.insight_on(route.type, outcome.resource_id, outcome.ref, ROUTES) == outcome.identity


def test_an_insight_that_datadog_returns_needs_no_ref_we_can_read() -> None:
    assert links.insight_on("MONITOR", "1", "", ROUTES) == Identity(InsightType.MONITOR, "", "1")
    assert links.insight_on("WIDGET", "1", "/nowhere", ROUTES) == Identity(InsightType.WIDGET, "", "1")
    assert links.insight_on("BRAND_NEW", "1", "/monitors/1", ROUTES) is None


def test_uncovered_names_the_host_it_was_read_on() -> None:
    outcome = links.parse("https://ACME.datadoghq.eu/logs", ROUTES)
    assert outcome == Uncovered(Reason.LOGS, "acme.datadoghq.eu")
