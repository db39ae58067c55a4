"""Where a link ends, whatever is around it."""

from time import perf_counter
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import links
from bot.links.ends import links_in, trimmed, whole
from bot.links.outcomes import CaseLink
from bot.model import Draft, Insight

ROUTES = links.load()
LINKS = st.sampled_from(
    [
        "https://app.datadoghq.com/monitors/4711",
        "https://app.datadoghq.com/monitors/4711?group=host:a,env:b&q=web*&x=(a)",
        "https://app.datadoghq.com/incidents/208",
        "https://app.datadoghq.com/error-tracking?issueId=0f9e8d7c-1111-11f0-8abc-da7ad0900002",
        "https://app.datadoghq.com/security?event=AwAAAZsignal0123456789AAAA",
        "https://app.datadoghq.com/dashboard/abc-def-ghi/shop?fullscreen_widget=4242",
        "https://app.datadoghq.com/cases/CASEM-4523",
        "https://github.com/acme/shop/pull/42",
    ]
)
OPEN = st.sampled_from(
    ["", " ", "(", "[", "「", "《", "（", "“", "„", "«", "‘", '"', "\u202a", "：", "→", "を", ">", "\n", "|"]
)
MARK = st.sampled_from(["", "*", "_", "~", "**", "__", "~~", "***", "`", "'"])
SIGNS = ' )]」》）”“»’、。！→\n🔥|"\u202c\u200b\ufeff\u3000'
TAILS = (
    *("を見て", "에서", ", ", ". ", "; ", "! ", "? ", ": ", ":fire:", ":fire:\n", "'s ", "’s", "->", "<br>"),
    *("\\n", "&quot;", "&#34;", "%E2%80%8B ", "%20 "),
)
CLOSE = st.sampled_from(["", *SIGNS, *TAILS])
"""What ends a link, whatever follows it; ASCII punctuation with its blank."""
WORDS = st.sampled_from(["", "見て", " please look", " 에서 확인", " (twice)", " 12345", "\n345"])


@given(st.lists(st.tuples(OPEN, MARK, LINKS, CLOSE, WORDS), min_size=1, max_size=4))
def test_exactly_the_links_of_a_text_are_found(parts: list[tuple[str, str, str, str, str]]) -> None:
    text = "".join(f"{open_}{mark}{link}{mark}{close}{words} " for open_, mark, link, close, words in parts)
    assert list(dict.fromkeys(links_in(text))) == list(dict.fromkeys(link for _, _, link, _, _ in parts))


JOINT = st.sampled_from(["", ",", ", ", ";", "|", "→", "、", "\u200b", "->", "·", " ", "\n", "を"])


@given(st.lists(st.tuples(LINKS, JOINT), min_size=1, max_size=5), st.booleans())
def test_a_list_of_links_is_taken_apart(parts: list[tuple[str, str]], marked_up: bool) -> None:
    text = "".join(link + (joint.strip() if marked_up else joint) for link, joint in parts)
    found = whole(text) if marked_up else links_in(text)
    assert list(found) == [link for link, _ in parts]


BEHIND = st.text(alphabet="….*`~_'\"()[]{}|,;:!?- \u200b\ufe0fを＊0123456789abzAZ%&#=/\\<>$\n", max_size=8)


@given(LINKS, BEHIND, st.booleans())
def test_whatever_is_behind_a_link_no_other_thing_is_offered(link: str, behind: str, marked_up: bool) -> None:
    """Unless what is behind it is the rest of an id, as people see it."""
    right = links.parse(link, ROUTES)
    assert isinstance(right, Insight | CaseLink)
    shown = f"<{link}{behind}>" if marked_up and not set("<>|\n") & set(behind) else link + behind
    for found in links.extract({"text": shown}):
        outcome = links.parse(found, ROUTES)
        if isinstance(outcome, Insight):
            assert isinstance(right, Insight)
            assert outcome.type == right.type
            longer = outcome.resource_id.removeprefix(right.resource_id)
            assert not longer or unquote(behind).startswith(longer[:1])
        elif isinstance(outcome, CaseLink):
            assert isinstance(right, CaseLink)
            assert outcome.case.startswith(right.case)


CUT = st.sampled_from(
    ["…", "...", "..", "%E2%80%A6", "[…]", "[...]", "(...)", "…*", "**…**", "&hellip;", "...`", "…」", "…\n"]
)


@given(LINKS, CUT, st.sampled_from(["{}", "<{}>", "see {} and", "*{}*", "({})", '"{}"', "「{}」"]))
def test_nothing_is_offered_of_a_link_that_was_cut(link: str, cut: str, around: str) -> None:
    text = around.format(link[:-2] + cut)
    outcomes = [links.parse(found, ROUTES) for found in links.extract({"text": text})]
    assert not any(isinstance(outcome, Insight | Draft | CaseLink) for outcome in outcomes)
    assert not isinstance(links.parse(link[:-2] + cut, ROUTES), Insight | Draft | CaseLink)


@pytest.mark.parametrize(
    ("link", "before", "left"),
    [
        ("https://x.example/a?q=web*", "", "https://x.example/a?q=web*"),
        ("https://x.example/a?q=web*", "*see ", "https://x.example/a?q=web"),
        ("https://x.example/a?q=web*", "*see* ", "https://x.example/a?q=web*"),
        ("https://x.example/a?id=Aw_", "my_var ", "https://x.example/a?id=Aw_"),
        ("https://x.example/a?id=Aw_", "_see ", "https://x.example/a?id=Aw"),
        ("https://x.example/a?q=サービス", "", "https://x.example/a?q=サービス"),
        ("https://x.example/a?q=サービス&b=1を見て", "", "https://x.example/a?q=サービス&b=1"),
        ("https://x.exаmple/a", "", "https://x.exаmple/a"),
        ('https://x.example/a?q="b"', "", 'https://x.example/a?q="b"'),
        ('https://x.example/a?q=b"', "", "https://x.example/a?q=b"),
        ("https://x.example/a?q=(b)", "", "https://x.example/a?q=(b)"),
        ("https://x.example/a?q=b)!", "", "https://x.example/a?q=b"),
    ],
)
def test_what_clings_to_the_end_goes_and_what_belongs_to_a_query_stays(link: str, before: str, left: str) -> None:
    assert trimmed(link, before) == left


@pytest.mark.parametrize(
    "text",
    [
        "https://a =" * 20_000,
        "https://a=https://b" * 20_000,
        "https://a.example/" + "*_" * 50_000,
        "https://a.example/" + ":a" * 50_000,
        "https://a.example/?" + "=é" * 50_000,
        "https://a.example/" + "%20" * 50_000 + "x",
        "*https://a.example/?q* " * 10_000,
        "https://a.example/" + "…" * 50_000,
        "https://a.example/" + "\\n" * 50_000 + "&#34;" * 20_000,
    ],
    ids=lambda text: text[:30],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = perf_counter()
    list(links_in(text))
    list(whole(text))
    assert perf_counter() - started < 5, "what grows with the square takes minutes"
