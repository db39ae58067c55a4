"""Secrets: what sticks to them is taken off, and what cannot be one is refused without being shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import ConfigError, organizations
from bot.config.credentials import read_secret
from bot.config.settings import read

HEX = "0123456789abcdef" * 3
UUID = "7d16945b-baf8-411e-ab2a-20fe43af1ea3"
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
"""Slack's own example, which is not hexadecimal: docs.slack.dev/authentication/verifying-requests-from-slack."""
AROUND = ["{}\n", "{}\r\n", " {}\t", "\ufeff{}", "\u200b{}\u200b\n", '"{}"', "'{}'\n", "\u00a0{}", "{}\x00\n"]
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890-abcDEF",
    "SLACK_APP_TOKEN": "xapp-1-A0-123-abc",
    "SLACK_SIGNING_SECRET": SIGNING,
    "DD_API_KEY": HEX[:32],
    "DD_APP_KEY": HEX[:40],
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", GOOD)
def test_what_sticks_to_a_secret_is_taken_off_whichever_way_it_came(tmp_path: Path, name: str, around: str) -> None:
    file, wrapped = tmp_path / "secret", around.format(GOOD[name])
    file.write_bytes(wrapped.encode())
    others = {each: GOOD[each] for each in GOOD if each not in (name, "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")}
    others |= {} if name in ("SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN") else {"SLACK_APP_TOKEN": "xapp-1"}
    for given in ({name: wrapped}, {f"{name}_FILE": str(file)}):
        assert getattr(read(others | given, env_file=None), name.lower()).get_secret_value() == GOOD[name]
    if name == "DD_API_KEY":
        orgs = tmp_path / "orgs.toml"
        orgs.write_text(f"[acme]\ndd_api_key_file = '{file}'\ndd_app_key = '{HEX[:40]} '\n", encoding="utf-8")
        [org] = organizations.read(orgs)
        assert org.credentials().headers() == {"DD-API-KEY": HEX[:32], "DD-APPLICATION-KEY": HEX[:40]}


MAY_BE = [
    *GOOD.items(),
    ("SLACK_SIGNING_SECRET", HEX[:32].upper()),
    ("SLACK_CLIENT_SECRET", HEX[:32]),
    ("DD_APP_KEY", "ddapp_" + "aB3" * 11 + "x"),
    ("DD_APP_KEY", "ddpat_" + HEX[:20]),
    ("DD_ACCESS_TOKEN", "ddpat_" + HEX),
    ("DD_ACCESS_TOKEN", "ddsat_" + HEX),
    ("DD_ACCESS_TOKEN", "eyJhbGciOi.eyJzdWIi.c2ln-_~+/="),
    ("DD_API_KEY", "a-form-that-nobody-knows-yet"),
]


@pytest.mark.parametrize(("name", "value"), MAY_BE)
def test_what_may_be_valid_is_taken(name: str, value: str) -> None:
    secret = read_secret(name, SecretStr(value), None)
    assert secret is not None
    assert secret.value.get_secret_value() == value


CANNOT_BE = [
    ("SLACK_BOT_TOKEN", "xapp-1-A0", "is not a bot token (xoxb-…): copy it from your Slack app's page, OAuth"),
    ("SLACK_BOT_TOKEN", "xoxp-1-2", "is not a bot token"),
    ("SLACK_APP_TOKEN", "xoxb-1-2", "is not an app-level token (xapp-…): copy it from your Slack app's page, Basic"),
    *(("SLACK_SIGNING_SECRET", other, "is no signing secret of 32") for other in ("xoxb-1", HEX[:31], HEX[:40], UUID)),
    *(("SLACK_CLIENT_SECRET", other, "is no client secret") for other in ("xoxb-1", HEX[:31], HEX[:40])),
    *(("DD_API_KEY", other, "is no API key") for other in (HEX[:40], HEX[:31], UUID, "ddapp_x", "ddpat_x", "xoxb-1")),
    *(("DD_APP_KEY", other, "is no application key") for other in (HEX[:32], HEX[:39], UUID, "pub" + HEX[:32])),
    *(("DD_ACCESS_TOKEN", other, "is no access token") for other in ("ddapp_x", UUID, "xapp-1")),
    *((name, value[:-9] + inside + value[-9:], "that no secret has")
      for name, value in GOOD.items() for inside in (" ", "\n", "…", "а", "\x00", "\u200b")),
    ("CASE_INSIGHTS_SECRET_KEY", "a b,c", "that no secret has"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "words"), CANNOT_BE)
def test_what_cannot_be_such_a_secret_is_refused_and_not_shown(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    (tmp_path / "secret").write_text(value, encoding="utf-8", newline="")
    for given in ((SecretStr(value), None), (None, tmp_path / "secret")):
        with pytest.raises(ConfigError) as refused:
            read_secret(name, *given)
        sentence = str(refused.value)
        assert sentence.startswith(name)
        assert words in sentence
        assert value not in sentence


def test_a_key_that_was_renewed_with_a_wrong_one_keeps_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(HEX[:40], encoding="utf-8")
    (tmp_path / "orgs.toml").write_text(
        f"[acme]\ndd_api_key = '{HEX[:32]}'\ndd_app_key_file = '{tmp_path / 'key'}'\n", encoding="utf-8"
    )
    [org] = organizations.read(tmp_path / "orgs.toml")
    (tmp_path / "key").write_text(UUID, encoding="utf-8")
    assert org.renewed() is None


def test_an_organisation_names_the_table_of_a_wrong_secret(tmp_path: Path) -> None:
    (tmp_path / "orgs.toml").write_text(f"[acme]\ndd_api_key = '{UUID}'\ndd_app_key = 'x'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"orgs\.toml, \[acme\] dd_api_key is no API key") as refused:
        organizations.read(tmp_path / "orgs.toml")
    assert UUID not in str(refused.value)
