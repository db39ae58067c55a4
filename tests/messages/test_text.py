"""Text from outside: one visible line, and in mrkdwn just its characters."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.blocks import context, mrkdwn, plain, section, sections
from bot.messages.text import clean, cut_mrkdwn, escape, link_label, readable
from tests.messages.hostile import SAMPLES, TEXTS, effects, shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\nand\tmore\u2028and\u2029more\x85end", "two lines and more and more end"),
        ("\x1b[31mred\x1b[0m\x9b0m\0", "[31mred [0m 0m"),
        ("pay\u202egro.exe\u202c", "pay gro.exe"),
        ("\u2066a\u2069 \u061cb\u200e \u200fc", "a b c"),
        ("mo\xadni\u200bt\u200dor\u2060\ufeff", "monitor"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("\ud83d half \udc00", "\ufffd half \ufffd"),
        ("  a \xa0\u3000 b  ", "a b"),
        ("\u200b\u2060\u3164", ""),
        ("مراقبة الذاكرة", "مراقبة الذاكرة"),
        ("שגיאה בשרת", "שגיאה בשרת"),
        ("內存洩漏 メモリリーク 메모리", "內存洩漏 メモリリーク 메모리"),
        ("Überlastung à l’été, ệ, e\u0301", "Überlastung à l’été, ệ, e\u0301"),
        ("❤️ on 👍🏽 🇩🇪", "❤️ on 👍🏽 🇩🇪"),
        ("👩\u200d💻", "👩💻"),
        ("می\u200cخواهم", "می خواهم"),
    ],
)
def test_text_from_outside_becomes_one_visible_line(text: str, line: str):
    assert clean(text) == line


@given(TEXTS, st.integers(2, 200))
def test_whatever_comes_is_bounded_visible_and_clean_for_good(text: str, most: int):
    line = clean(text, most)
    assert len(line) <= most
    assert clean(line, most) == line
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not re.search("[\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]", line)
    assert len(clean(text)) <= most or "…" in line


@given(TEXTS)
def test_escaped_text_has_no_effect_and_shows_all_its_characters(text: str):
    assert effects(escape(text)) == []
    assert shown(escape(text)) == clean(text)


@given(TEXTS)
def test_the_words_of_a_link_have_no_effect(text: str):
    assert effects(f"a{link_label(text)}b") == []
    assert "|" not in link_label(text)


@pytest.mark.parametrize(
    ("text", "mrkdwn"),
    [
        ("prod_db_main *critical*", "prod_db_main <!date^0^{_}|*critical*>"),
        ("High memory on api-1.prod: 5 > 3 & up", "High memory on api-1.prod: 5 &gt; 3 &amp; up"),
        ("*a & b*", "<!date^0^{_}|*a> &amp; <!date^0^{_}|b*>"),
        (":tada: http://x.example", "<!date^0^{_}|:tada:> http://x.example"),
        ("> quoted", "\xad&gt; quoted"),
    ],
)
def test_only_what_slack_would_read_is_taken_out_of_its_reading(text: str, mrkdwn: str):
    assert escape(text) == mrkdwn


@given(TEXTS, st.integers(2, 80))
def test_mrkdwn_is_cut_between_what_belongs_together(text: str, most: int):
    short = cut_mrkdwn(escape(text), most)
    assert len(short) <= max(most, 1)
    assert effects(short) == []


@given(TEXTS)
def test_every_text_object_is_verbatim_or_plain_and_never_empty(text: str):
    for element in (section(text)["text"], context(text)["elements"][0], mrkdwn(text)):
        assert element["verbatim"] is True
        assert element["text"]
    assert (plain(text)["emoji"], plain(text)["text"]) == (False, clean(text) or "…")


def test_a_long_answer_keeps_its_lines_in_several_sections():
    lines = [f"{number} {'x' * 200}" for number in range(40)]
    found = [block["text"]["text"] for block in sections("\n".join(lines))]
    assert "\n".join(found).splitlines() == lines
    assert len(found) == 3


@pytest.mark.parametrize("text", SAMPLES)
def test_on_a_terminal_escaped_text_reads_as_it_is(text: str):
    assert readable(escape(text)) == clean(text)


def test_on_a_terminal_times_and_links_read_well():
    said = "Added at <!date^1795403520^{time}|03:12 UTC>. <https://acme.slack.com/p1|Its card> &amp; <#C1>"
    assert readable(said) == "Added at 03:12 UTC. Its card https://acme.slack.com/p1 & #C1"
