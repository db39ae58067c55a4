"""Text that tries to be more than text, and what Slack would make of a mrkdwn string."""

import re

from hypothesis import strategies as st

SAMPLES = [
    *("<!channel>", "<@U1>", "<!here|x>", "<https://evil.example|here>", "&lt;!everyone&gt;", "<" * 900, "`", "*"),
    *("prod_db_main *critical*", "two\n*lines*", "> quoted", "＞ quoted", ">>> all", "a * b * c", "_x_ ~y~ `z` ```w"),
    *(":tada: :+1::fire:", "＊bold＊ ＿it＿ ～no～ ｀code｀", "https://evil.example www.evil.example a@evil.example"),
    *("@here @channel @everyone #general", "\x1b[31mred\x9b0m\x07\0", "a\u202eb\u2066c\u061cd\u200fe"),
    *("\u200b\u2060\ufeff\xad\U000e0041", "a\u2028b\u2029c\x85d\r\ne", "\ud83d\udc00\ud83d", "\u3164"),
    *("*\u200bb*", "{date}^x|y", "**", "*a & b*"),
]
"""Lone halves of characters among them."""
MARKS = "*_~`<>&|:@#^{}/.a1 \n\t\0\u202e\u200b\ud800＊＞é"
TEXTS = st.one_of(st.text(max_size=600), st.text(MARKS, max_size=60), st.sampled_from(SAMPLES))

LITERAL = re.compile(r"<!date\^0\^\{_\}\|([^&<>|]+)>")
UNSEEN = (
    "[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)
EDGE = r"(?<![A-Za-z0-9]){0}|{0}(?![A-Za-z0-9])"
EFFECTS = re.compile(rf"(?m)<[^<>|]*|^(?:&gt;|＞)|\n|[`＊＿～｀]|:[\w+'-]+:|{EDGE.format('[*_~]')}|{UNSEEN}")


def effects(mrkdwn: str) -> list[str]:
    """What is not shown as it stands: links, dates, mentions, line breaks, quotes, emoji, marks; in their order."""
    return EFFECTS.findall(LITERAL.sub("é", mrkdwn))


def foreign(mrkdwn: str) -> list[str]:
    """The effects that are not the bot's own: a bold heading, times, channels, a case's link and lines."""
    bold = len(mrkdwn) > 1 and mrkdwn.startswith("*") and mrkdwn.endswith("*")
    date = r"<!date\^\d+\^(?:\{date_short_pretty\} |\{date_short\}, )?\{time\}"
    ours = re.compile(rf"{date}|<#C1|<https://app\.datadoghq\.com/cases/A-1|\n")
    return [effect for effect in effects(mrkdwn[1:-1] if bold else mrkdwn) if not ours.fullmatch(effect)]


def shown(mrkdwn: str) -> str:
    """The characters that a reader sees of a mrkdwn string without links and times."""
    text = LITERAL.sub(r"\1", mrkdwn).removeprefix("\xad")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
