"""The grammar of commands: what is understood however it is typed, and what is said of the rest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    VERBS,
    Add,
    CaseReference,
    Explain,
    Help,
    Misunderstood,
    New,
    SetMode,
    SetTie,
    Undo,
    Why,
    parse,
)
from bot.insights import Mode
from bot.links import Permalink
from bot.messages import replies

LINK = "https://app.datadoghq.com/monitors/1?a=1&b=2"
MESSAGE = "https://acme.slack.com/archives/C0INC/p1795439598000001"
REPLY = f"{MESSAGE}?thread_ts=1795439590.000001&cid=C0INC"
ROOT = Permalink("C0INC", "1795439598.000001", "1795439598.000001")
IN_THREAD = Permalink("C0INC", "1795439598.000001", "1795439590.000001")
CASE = CaseReference("CASEM-4523")
# fmt: off
CLINGING = [
    "“casem-4523”", "„CASEM-4523“", "«CASEM-4523»", "*CASEM-4523*", "_CASEM-4523_", "~CASEM-4523~", "`CASEM-4523`",
    "[CASEM-4523]", "(CASEM-4523)", "&lt;CASEM-4523&gt;", "#CASEM-4523", "<#C0INC|casem-4523>", "CASEM-4523:",
    "CASEM–4523", "CASEM\u20114523", "CASEM−4523", "CASEM - 4523", "ＣＡＳＥＭ－４５２３",
    "CASEM-4523\u200b", "\u2068CASEM-4523\u2069", "CASEM-4523\u00a0",
]
"""A key as phones, pages and Slack's editor give it."""
# fmt: on


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Help()),
        ("  HELP ", Help()),
        (f"add {LINK}", Add((LINK,), (), None, None)),
        (LINK, Add((LINK,), (), None, None)),
        (f"add <{LINK.replace('&', '&amp;')}|monitor 1> to casem-4523", Add((LINK,), (), CASE, None)),
        (f"add {REPLY} to CASEM-4523", Add((), (IN_THREAD,), CASE, None)),
        (f"add {LINK}, {LINK}2 in {REPLY}", Add((LINK, f"{LINK}2"), (), None, IN_THREAD)),
        *((f"tie {key}", SetTie(CASE, None)) for key in CLINGING),
        ("tie 3pl-12", SetTie(CaseReference("3PL-12"), None)),
        (f"add ({LINK}) to CASEM–4523", Add((LINK,), (), CASE, None)),
        (f"add {LINK}&q=(a) *{LINK}*", Add((f"{LINK}&q=(a)", LINK), (), None, None)),
        ("tie to CASEM-4523.", SetTie(CASE, None)),
        (f"Tie CASEM-4523 in <{MESSAGE}>", SetTie(CASE, ROOT)),
        (
            "tie 11111111-AAAA-4BBB-8CCC-222222222222",
            SetTie(CaseReference("11111111-aaaa-4bbb-8ccc-222222222222"), None),
        ),
        ("tie https://app.datadoghq.com/cases/X-1", SetTie(CaseReference("https://app.datadoghq.com/cases/X-1"), None)),
        ("mode  AUTO", SetMode(Mode.AUTO, None)),
        (f"undo in {MESSAGE}", Undo(ROOT)),
        (f"why {REPLY}", Why(IN_THREAD)),
        (f"why in {MESSAGE}", Why(ROOT)),
        (f"why {REPLY} 3", Why(IN_THREAD, 3)),
        (f"explain <{LINK}>", Explain(LINK)),
        ("New", New("", None)),
        ("new: *DB* (prod) is down in eu-west, again", New("*DB* (prod) is down in eu-west, again", None)),
        ("new in", New("in", None)),
        ("new one\nand more of it", New("one", None)),
        (f"new Slow in eu in <{MESSAGE}>", New("Slow in eu", ROOT)),
        (f"new in {REPLY}", New("", IN_THREAD)),
    ],
)
def test_a_command_is_understood_however_it_is_typed(typed, meant):
    assert parse(typed) == meant


@pytest.mark.parametrize(
    ("typed", "words", "problem", "try_this"),
    [
        ("tei CASEM-1", "tei", "is no command", "tie <case>"),
        ("frobnicate", "frobnicate", "is no command", ""),
        ("mode loud", "mode loud", "needs a mode", "mode ask|auto|off"),
        ("tie", "tie", "needs one case", "tie <case>"),
        ("tie hello", "tie hello", "“hello” is neither a key", "tie <case>"),
        ("add", "add", "needs a link", "add <link…> [to <case>]"),
        ("add foo", "add foo", "“foo” is none", "add <link…> [to <case>]"),
        (f"add {LINK} to", f"add {LINK} to", "needs one case", "add <link…> [to <case>]"),
        ("scan in here", "scan in here", "after “in”", "scan"),
        ("undo now", "undo now", "does not take “now”", "undo"),
        *(
            (why, why, "needs a message's address", "why <message's address>")
            for why in ("why", "why 2", f"why {MESSAGE} 0")
        ),
    ],
)
def test_a_wrong_command_names_the_words_and_the_nearest_right_one(typed, words, problem, try_this):
    wrong = parse(typed)
    assert isinstance(wrong, Misunderstood)
    assert (wrong.words, wrong.try_this) == (words, try_this)
    assert problem in wrong.problem


@given(
    st.text() | st.lists(st.sampled_from([*VERBS, "in", "to", LINK, MESSAGE, "CASEM-1", "<", ">", "|"])).map(" ".join)
)
def test_nothing_makes_it_raise(typed):
    said = parse(typed)
    if isinstance(said, Misunderstood):
        assert replies.misunderstood(said, "/insight")


def test_help_and_usage_come_from_the_one_table():
    text = replies.help_text("/insight")
    for name, verb in VERBS.items():
        assert verb.usage.startswith(name)
        assert verb.does in text


def test_every_example_of_the_help_is_a_command():
    assert [said for example in replies.EXAMPLES if isinstance(said := parse(example), Misunderstood)] == []
    assert [
        example for example in replies.EXAMPLES if f"`/insight {example}`" not in replies.help_text("/insight")
    ] == []


@pytest.mark.parametrize("typed", ["frobnicate", "tei CASEM-1", "mode loud", "scan in here"])
def test_what_is_not_understood_gets_one_suggestion(typed):
    said = parse(typed)
    assert isinstance(said, Misunderstood)
    assert replies.misunderstood(said, "/insight").count("`/insight") == 1


def test_the_readme_has_every_command():
    document = (Path(__file__).parent.parent / "docs" / "using.md").read_text(encoding="utf-8")
    rows = [f"| `{verb.usage.replace('|', chr(92) + '|')}` | {verb.does} |" for verb in VERBS.values()]
    assert [row for row in rows if row not in document] == []
