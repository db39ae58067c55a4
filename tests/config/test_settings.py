"""Settings: read once, and every bad one is a sentence that names the variable and the next step."""

import re
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import ConfigError
from bot.config.settings import SECRETS, Settings, examine, no_settings, read
from bot.config.validation import TransportMode
from bot.config.values import duration
from bot.links import orgs_of, parse
from bot.links.sites import _NOT_THE_APP
from bot.model import Insight
from bot.policy import Confirmers

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")

SLACK = {"SLACK_BOT_TOKEN": "xoxb-very-secret", "SLACK_APP_TOKEN": "xapp-very-secret"}
KEYS = {"DD_API_KEY": "very-secret-1", "DD_APP_KEY": "very-secret-2"}
ENOUGH = {**SLACK, **KEYS}


def settings(**more: str) -> Settings:
    return read({**ENOUGH, **more}, env_file=None)


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as refused:
        read(environment, env_file=None)
    message = str(refused.value)
    assert "\n" not in message
    return message


def changed(change: str) -> dict[str, str]:
    """What is enough, but for these: NAME=value."""
    return {**ENOUGH, **dict(each.split("=", 1) for each in change.split())}


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in {**ENOUGH, **more}.items() if name not in names}


def test_two_tokens_and_two_keys_are_enough_and_what_is_set_to_nothing_is_not_set():
    read = settings()
    assert read.slack_bot_token.get_secret_value() == "xoxb-very-secret"
    assert read.slack_signing_secret is None
    assert [(org.url, org.case_host) for org in read.orgs()] == [("https://api.datadoghq.com", "app.datadoghq.com")]
    assert (read.database_url, read.host, read.port) == ("sqlite:///case-insights.db", "127.0.0.1", 3000)
    assert (read.lease, read.retry_cap, read.card_delay, read.give_up_after) == (30.0, 300.0, 2.0, 86400.0)
    assert settings(CASE_INSIGHTS_GIVE_UP_AFTER="") == read, "set to nothing is not set"


def test_an_access_token_is_enough_for_datadog():
    read_ = read({**SLACK, "DD_ACCESS_TOKEN": "very-secret"}, env_file=None)
    assert read_.dd_access_token is not None
    assert read_.dd_api_key is None


SIGNED = {"SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5"}
BY_HTTP = {**ENOUGH, **SIGNED, "SLACK_APP_TOKEN": ""}
SOCKET, HTTP = TransportMode.SOCKET, TransportMode.HTTP
TOKEN_FROM = "make an app-level token (xapp-…) with connections:write on your Slack app's page, Basic Information"
SECRET_FROM = "copy the signing secret from your Slack app's page, Basic Information"
BOTH_FROM = f"{TOKEN_FROM}, for Socket Mode; or {SECRET_FROM}, into SLACK_SIGNING_SECRET, for HTTP mode"
CHOOSE = "choose with run --socket or run --http, or keep one of them"


@pytest.mark.parametrize(
    ("change", "chosen", "mode"),
    [({}, None, SOCKET), (BY_HTTP, None, HTTP), (SIGNED, HTTP, HTTP), (SIGNED, SOCKET, SOCKET)],
)
def test_the_secret_that_is_set_is_the_mode_and_with_both_somebody_chooses(
    change: dict[str, str], chosen: TransportMode | None, mode: TransportMode
):
    read_ = read({**ENOUGH, **change}, env_file=None, transport_mode=chosen)
    assert (read_.slack_app_token is None, read_.slack_signing_secret is None) == (mode is HTTP, mode is SOCKET)


@pytest.mark.parametrize(
    ("change", "chosen", "begins"),
    [
        ({}, HTTP, f"SLACK_SIGNING_SECRET is not set: {SECRET_FROM}."),
        (BY_HTTP, SOCKET, f"SLACK_APP_TOKEN is not set: {TOKEN_FROM}."),
        ({"SLACK_APP_TOKEN": ""}, None, f"SLACK_APP_TOKEN is not set: {BOTH_FROM}."),
        (SIGNED, None, f"SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: {CHOOSE}."),
    ],
)
def test_without_the_secret_of_a_mode_both_ways_are_told(
    change: dict[str, str], chosen: TransportMode | None, begins: str
):
    with pytest.raises(ConfigError, match=f"^{re.escape(begins)}$"):
        read({**ENOUGH, **change}, env_file=None, transport_mode=chosen)


@pytest.mark.parametrize("secret", ["", " ", "\t\n", "xoxb-very-secret"])
def test_an_empty_signing_secret_refuses_to_start(secret: str):
    """K20: with an empty one, anybody could sign."""
    sentence = refusal({**BY_HTTP, "SLACK_SIGNING_SECRET": secret})
    assert "SLACK_SIGNING_SECRET" in sentence
    assert "Basic Information" in sentence


def test_a_command_that_slack_need_not_reach_takes_any_of_them():
    for given in (ENOUGH, {**ENOUGH, **SIGNED}, without("SLACK_APP_TOKEN")):
        assert read(given, env_file=None, listens=False).slack_bot_token


def test_the_public_address_is_one_that_slack_takes():
    assert settings(CASE_INSIGHTS_PUBLIC_URL="https://bot.example.com/x/").public_url == "https://bot.example.com/x"


WRONG = {
    "SLACK_BOT_TOKEN=": "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) from your Slack app's page, ",
    "DD_API_KEY=": "DD_API_KEY is not set: make one in Datadog under Organization Settings, API Keys.",
    "DD_APP_KEY=": "DD_APP_KEY is not set: make one in Datadog under Organization Settings, Application Keys",
    "SLACK_BOT_TOKEN=xapp-1": "SLACK_BOT_TOKEN is not a bot token (xoxb-…): copy it from your",
    "SLACK_APP_TOKEN=xoxb-1": "SLACK_APP_TOKEN is not an app-level token (xapp-…): copy it from",
    "DD_ACCESS_TOKEN=s": "DD_ACCESS_TOKEN and DD_API_KEY are both set: keep either the token or the two keys.",
    "DD_ACCESS_TOKEN=s DD_API_KEY=": "DD_ACCESS_TOKEN and DD_APP_KEY are both set: keep either the ",
    "DD_API_KEY_FILE=/run/key": "DD_API_KEY and DD_API_KEY_FILE are both set: keep one of them.",
    "DD_SITE=datadoghq.example": "DD_SITE is not one of Datadog's nine sites: use one of datadoghq.com, ",
    "DD_API_URL=api.dd.com": "DD_API_URL is not a web address: write it like https://host/path.",
    "SLACK_API_URL=ftp://slack": "SLACK_API_URL is not a web address: write it like https://host/path.",
    "CASE_INSIGHTS_PUBLIC_URL=http://bot.example.com": (
        "CASE_INSIGHTS_PUBLIC_URL is not an address that Slack takes: write it like https://case-insights."
    ),
    "CASE_INSIGHTS_LEASE=30": "CASE_INSIGHTS_LEASE is not a duration: write it like 30s, 5m, 24h or 400d.",
    "CASE_INSIGHTS_CARD_DELAY=soon": "CASE_INSIGHTS_CARD_DELAY is not a duration: ",
    "CASE_INSIGHTS_RETRY_CAP=-5m": "CASE_INSIGHTS_RETRY_CAP is not a duration: ",
    "DD_WEB_HOSTS=acme.datadoghq.com,https://two.datadoghq.com/": (
        "DD_WEB_HOSTS names 'https://two.datadoghq.com/', from which Datadog serves no pages: write the host alone"
    ),
    "DD_WEB_HOSTS=datadog.acme.com": "DD_WEB_HOSTS names 'datadog.acme.com', from which Datadog serves no pages",
    "CASE_INSIGHTS_PORT=many": "CASE_INSIGHTS_PORT is not a whole number.",
    "CASE_INSIGHTS_PORT=70000": "CASE_INSIGHTS_PORT must be at most 65535.",
    "CASE_INSIGHTS_PORT=-1": "CASE_INSIGHTS_PORT must be at least 0.",
    "PORT=many": "CASE_INSIGHTS_PORT is not a whole number.",
    "CASE_INSIGHTS_MODE=loud": "CASE_INSIGHTS_MODE is 'loud': use ask, auto or off.",
    "CASE_INSIGHTS_SHARED_CHANNELS=yes": "CASE_INSIGHTS_SHARED_CHANNELS is 'yes': use on or off.",
    "CASE_INSIGHTS_COMMENT=yes": "CASE_INSIGHTS_COMMENT is 'yes': use on or off.",
    "CASE_INSIGHTS_CONFIRMERS=U0BEN,@ana": (
        "CASE_INSIGHTS_CONFIRMERS names '@ana', which is no id of a person (U…, W…) or user group (S…): copy it from"
    ),
    "DATABASE_URL=sqlite:////tmp": "DATABASE_URL: /tmp is a folder; name a file in it.",
    "DATABASE_URL=postgresql://u:s@cret@host/db": "DATABASE_URL: the user or password holds an @; write it as",
    "DATABASE_URL=mysql://host/db": "DATABASE_URL: write it like sqlite:///case-insights.db or postgresql://",
}
"""What is set, by how the refusal begins."""


@pytest.mark.parametrize(("change", "begins"), WRONG.items())
def test_what_is_missing_or_wrong_is_a_sentence_that_names_the_variable(change: str, begins: str):
    assert refusal(changed(change)).startswith(begins)


# --- all that is wrong ---


def test_everything_that_is_wrong_is_told_each_once_and_the_rest_can_be_used(tmp_path: Path):
    given = without("DD_APP_KEY", "SLACK_APP_TOKEN", SLACK_APP_TOKEN_FILE=str(tmp_path / "none"))
    given |= {"SLACK_BOT_TOKEN": "xapp-very-secret", "DD_SITE": "datadoghq.eu", "DD_API_URL": "api"}
    given |= {"DATABASE_URL": "mysql://x", "CASE_INSIGHTS_MODE": "loud", "CASE_INSIGHTS_LEASE": "30"}
    found, problems = examine(given, env_file=None)
    others = ["DD_APP_KEY", "DATABASE_URL", "DD_API_URL", "CASE_INSIGHTS_MODE", "CASE_INSIGHTS_LEASE"]
    assert list(problems) == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", *others]
    assert problems["SLACK_APP_TOKEN"].startswith("SLACK_APP_TOKEN_FILE: ")
    assert "very-secret" not in str(problems)
    assert (found.dd_site, found.lease) == ("datadoghq.eu", 30.0)
    assert found.dd_api_key is not None
    assert found.slack_bot_token is None


def test_nothing_set_is_as_many_problems_as_there_are_things_to_set():
    found, problems = examine({}, env_file=None)
    assert list(problems) == list(ENOUGH)
    assert found.dd_site == "datadoghq.com"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SLACK_BOT_TOKEN=\xff\xfe", " cannot be read (it is not UTF-8 text); save it as UTF-8."),
        (b"# ours\nCASE_INSIGHTS_CONFIRMERS: U0ANA", ": line 2 is not NAME=value; mend it, or take it out."),
        (b"DD_SITE=datadoghq.eu\n\nthe key is\n", ": line 3 is not NAME=value; mend it, or take it out."),
        (b"DD_APP_KEY_FILE=a\0b\n", " holds NUL characters: write it anew, as text."),
    ],
)
def test_an_env_file_that_cannot_be_used_is_a_sentence_and_what_is_not_set_may_be_in_it(
    tmp_path: Path, content: bytes, words: str
):
    (file := tmp_path / ".env").write_bytes(content)
    found, problems = examine(SLACK, env_file=str(file))
    assert list(problems) == ["", *KEYS]
    assert found.slack_app_token.get_secret_value() == "xapp-very-secret"
    with pytest.raises(ConfigError) as refused:
        read(SLACK, env_file=str(file))
    assert str(refused.value) == f"{file}{words}"


# --- values ---


@pytest.mark.parametrize(
    ("written", "means"),
    [("500ms", 0.5), ("30s", 30.0), ("1.5s", 1.5), ("5m", 300.0), ("24h", 86400.0), ("400d", 34_560_000.0)],
)
def test_durations_are_read_as_seconds(written: str, means: float):
    assert duration("0s", "400d")(written) == pytest.approx(means)


@pytest.mark.parametrize(
    ("change", "between"),
    [
        ("CASE_INSIGHTS_LEASE=20ms", "1s and 1h"),
        ("CASE_INSIGHTS_LEASE=30d", "1s and 1h"),
        ("CASE_INSIGHTS_RETRY_CAP=0s", "1s and 1h"),
        ("CASE_INSIGHTS_CARD_DELAY=9h", "0s and 1m"),
        ("CASE_INSIGHTS_KEEP=5m", "1d and 3650d"),
        ("CASE_INSIGHTS_KEEP=99999999d", "1d and 3650d"),
        ("CASE_INSIGHTS_GIVE_UP_AFTER=400d", "1s and 30d"),
    ],
)
def test_an_absurd_duration_is_refused_with_what_makes_sense(change: str, between: str):
    assert refusal(changed(change)) == f"{change.partition('=')[0]} must be between {between}."


def test_all_that_is_missing_is_named_at_once_and_a_slip_with_it():
    with pytest.raises(ConfigError) as refused:
        read({"SLACK_BOT_TOKN": "xoxb-very-secret", "DD_API_KEY": "very-secret-1", "DD_AGENT_HOST": "x"}, env_file=None)
    lines = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DD_APP_KEY"]
    assert lines[0].endswith(" SLACK_BOT_TOKN is set, which is no setting.")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        *(("CASE_INSIGHTS_MODES", "CASE_INSIGHTS_MODE"), ("CASE_INSIGHTS_COLOUR_OF_ALL_CARDS", "")),
        *(("SLACK_SIGNING_SECRETS", "SLACK_SIGNING_SECRET"), ("DD_APPKEY", "DD_APP_KEY")),
        *(("DATABASE_URI", "DATABASE_URL"), ("DD_SITES", "DD_SITE"), ("DD_AGENT_HOST", None)),
        *(
            ("dd_api_key", "DD_API_KEY"),
            ("dd_env", None),
            ("DD_ENV", None),
            ("SLACK_CHANNEL", None),
            ("PORT", None),
            ("DD_API_KEY_FILE", None),
        ),
    ],
)
def test_a_misspelt_name_is_found_and_others_variables_are_not_ours(name: str, near: str | None):
    assert no_settings([name]) == ({} if near is None else {name: near})


@pytest.mark.parametrize("written", ["", "5", "m5", "5 minutes", "5m5", "1e3s", "-5m", "٥s x"])
def test_anything_else_is_no_duration(written: str):
    with pytest.raises(ValueError, match="is not a duration"):
        duration("0s", "400d")(written)


def test_lists_are_separated_by_commas():
    read_ = settings(DD_WEB_HOSTS="Acme.datadoghq.com, two.datadoghq.com ,", CASE_INSIGHTS_SCM_HOSTS="git.acme.com")
    assert read_.orgs()[0].hosts.web_hosts == {"acme.datadoghq.com", "two.datadoghq.com"}
    assert read_.scm_hosts == ("git.acme.com",)


@pytest.mark.parametrize("label", sorted(_NOT_THE_APP))
def test_what_serves_no_app_elsewhere_is_read_where_the_settings_name_it(label: str):
    link = f"https://{label}.datadoghq.com/monitors/1"
    plain, named = settings(), settings(DD_WEB_HOSTS=f"{label.title()}.datadoghq.com")
    assert parse(link, plain.routes(plain.orgs())) is None
    assert isinstance(parse(link, named.routes(named.orgs())), Insight)
    assert [org.name for org in orgs_of(f"{label}.datadoghq.com", [org.hosts for org in named.orgs()])] == ["default"]


@pytest.mark.parametrize(
    ("site", "api", "case"),
    [
        ("datadoghq.eu", "https://api.datadoghq.eu", "app.datadoghq.eu"),
        ("us5.datadoghq.com", "https://api.us5.datadoghq.com", "us5.datadoghq.com"),
        ("ddog-gov.com", "https://api.ddog-gov.com", "app.ddog-gov.com"),
    ],
)
def test_the_site_says_where_the_api_and_the_pages_are(site: str, api: str, case: str):
    [org] = settings(DD_SITE=site).orgs()
    assert (org.url, org.case_host, org.hosts.site) == (api, case, site)
    [org] = settings(DD_SITE=site, DD_API_URL="http://127.0.0.1:9/", DD_WEB_HOSTS="acme.datadoghq.com").orgs()
    assert (org.url, org.case_host) == ("http://127.0.0.1:9", "acme.datadoghq.com"), "addresses of one's own win"


def test_the_port_of_a_platform_counts_unless_there_is_one_of_our_own():
    assert settings(PORT="8080").port == 8080
    assert settings(PORT="8080", CASE_INSIGHTS_PORT="0").port == 0


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        settings().port = 1


# --- where they come from ---


def test_the_environment_of_the_process_counts_only_where_none_is_given(monkeypatch: pytest.MonkeyPatch):
    for name, value in {**ENOUGH, "CASE_INSIGHTS_PORT": "99", "DD_SITE": "datadoghq.eu"}.items():
        monkeypatch.setenv(name, value)
    for read_, found in ((settings(), (3000, "datadoghq.com")), (read(env_file=None), (99, "datadoghq.eu"))):
        assert (read_.port, read_.dd_site) == found


@pytest.mark.parametrize("name", [name for name in SECRETS if name in ENOUGH])
def test_a_secret_can_be_in_a_file(tmp_path: Path, name: str):
    file = tmp_path / "secret"
    file.write_text(f"{ENOUGH[name]}\n")
    read_ = read(without(name, **{f"{name}_FILE": str(file)}), env_file=None)
    assert getattr(read_, name.lower()).get_secret_value() == ENOUGH[name]


def test_a_secrets_file_that_cannot_be_used_is_named(tmp_path: Path):
    file = tmp_path / "secret"
    given = without("DD_API_KEY", DD_API_KEY_FILE=str(file))
    assert refusal(given) == (
        f"DD_API_KEY_FILE: {file} cannot be read (No such file or directory); check its path and mode."
    )
    file.write_text(" \n")
    assert refusal(given) == f"DD_API_KEY_FILE: {file} is empty; write the secret into it."
    file.write_bytes(b"\xff\xfe")
    assert refusal(given) == f"DD_API_KEY_FILE: {file} cannot be read (it is not UTF-8 text); save it as UTF-8."


# --- what nobody must read ---


def test_no_secret_stands_in_the_settings_as_text():
    read_ = settings()
    assert "very-secret" not in f"{read_!r} {read_} {read_.model_dump()} {read_.model_dump_json()}"


@pytest.mark.parametrize(
    "wrong", [*WRONG, "DD_ACCESS_TOKEN=very-secret-3", "SLACK_BOT_TOKEN=very-secret-4", "SLACK_APP_TOKEN="]
)
def test_no_secret_stands_in_what_a_refusal_prints(wrong: str):
    with pytest.raises(ConfigError) as refused:
        read(changed(wrong), env_file=None)
    assert "very-secret" not in "".join(traceback.format_exception(refused.value))


OAUTH = {
    **SIGNED,
    "SLACK_CLIENT_ID": "111.222",
    "SLACK_CLIENT_SECRET": "very-secret-5",
    "CASE_INSIGHTS_SECRET_KEY": "+/" + "a" * 41 + "=",
    "CASE_INSIGHTS_ALLOWED_TEAMS": "T0ACME, E0GRID",
    "CASE_INSIGHTS_PUBLIC_URL": "https://bot.example.com",
}


def oauth(**more: str) -> dict[str, str]:
    given = {**without("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"), **OAUTH, **more}
    return {name: value for name, value in given.items() if value}


def test_workspaces_install_the_bot_themselves():
    found = read(oauth(), env_file=None).oauth
    assert found is not None
    assert found.allowed == {"T0ACME", "E0GRID"}
    assert [key.get_secret_value() for key in found.keys] == ["-_" + "a" * 41 + "="], "Fernet's alphabet"
    assert "very-secret" not in repr(found)
    assert settings().oauth is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *[({name: ""}, f"{name} is not set: ") for name in OAUTH],
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_APP_TOKEN: workspaces install over HTTP only"),
        ({"CASE_INSIGHTS_SECRET_KEY": "short"}, "CASE_INSIGHTS_SECRET_KEY is no key of 32 bytes"),
        ({"CASE_INSIGHTS_SECRET_KEY": OAUTH["CASE_INSIGHTS_SECRET_KEY"] + ",x"}, "is no key of 32 bytes"),
        ({"CASE_INSIGHTS_SECRET_KEY": " , "}, "CASE_INSIGHTS_SECRET_KEY is no key of 32 bytes"),
        ({"CASE_INSIGHTS_ALLOWED_TEAMS": ","}, "CASE_INSIGHTS_ALLOWED_TEAMS is empty, so nobody could install"),
        ({"CASE_INSIGHTS_ALLOWED_TEAMS": "Acme"}, "CASE_INSIGHTS_ALLOWED_TEAMS names 'Acme', which is no id"),
    ],
)
def test_half_an_oauth_is_refused(change: dict[str, str], words: str):
    assert words in refusal(oauth(**change))


def test_the_document_tells_the_defaults():
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", DOCUMENT, re.MULTILINE)
    assert len(rows) > 10
    assert [(name, default) for name, default in rows if settings(**{name: default}) != settings()] == []


def test_the_readme_has_every_setting():
    names = [field.alias for field in Settings.model_fields.values() if field.alias]
    assert [name for name in names if f"`{name}`" not in DOCUMENT] == []


@pytest.mark.parametrize("name", ["CARD_DELAY", "RETRY_CAP", "GIVE_UP_AFTER", "KEEP", "LEASE"])
def test_the_document_tells_the_bounds_of_a_duration(name: str):
    told = re.search(rf"^\| `CASE_INSIGHTS_{name}` .*`(\w+)` to `(\w+)` \|$", DOCUMENT, re.MULTILINE)
    assert told is not None
    refused = refusal({**ENOUGH, f"CASE_INSIGHTS_{name}": "9999d"})
    assert f"must be between {told[1]} and {told[2]}" in refused


@pytest.mark.parametrize(
    "contact", ["#sre-tools", "Ana Müller", "sre_tools@acme.example", "the SRE team (ext. 12)", "当番", ""]
)
def test_a_channel_a_name_or_an_address_can_be_the_contact(contact: str):
    assert settings(CASE_INSIGHTS_CONTACT=f" {contact} ").contact == contact


@pytest.mark.parametrize(
    ("typed", "name"),
    [(":card_index:", "card_index"), (" Card_Index ", "card_index"), ("+1", "+1"), ("flag-de", "flag-de"), ("", "")],
)
def test_an_emoji_is_its_name_with_or_without_colons(typed: str, name: str):
    assert settings(CASE_INSIGHTS_REACTION=typed).reaction == name


@pytest.mark.parametrize("typed", ["📇", "card index", "wave::skin-tone-2", ":", "<script>", "e" * 101])
def test_what_is_no_emojis_name_is_told_how_it_is_written(typed: str):
    said = refusal({**ENOUGH, "CASE_INSIGHTS_REACTION": typed})
    assert f"CASE_INSIGHTS_REACTION is {typed!r}, which is no emoji's name" in said


@pytest.mark.parametrize(
    "contact",
    ["<!here>", "*Ana*", "_Ana_", "a _b", "a&b", 'Ana "A"', "a\\b", "two\nlines", ":tada:", "@here", "x" * 61],
)
def test_what_slack_would_not_show_as_it_stands_cannot(contact: str):
    said = refusal({**ENOUGH, "CASE_INSIGHTS_CONTACT": contact})
    assert f"CASE_INSIGHTS_CONTACT is {contact!r}, which cannot stand" in said


def test_confirmers_are_people_and_user_groups():
    assert settings().policy is None
    named = settings(CASE_INSIGHTS_CONFIRMERS="U0ANA, W0BEN,S0SRE").policy
    assert named == Confirmers(frozenset({"U0ANA", "W0BEN"}), frozenset({"S0SRE"}))
    assert settings(CASE_INSIGHTS_CONFIRMERS="").policy == Confirmers(frozenset(), frozenset()), "empty: nobody"
