"""The file of organisations: what it says, and the sentence for each way to get it wrong."""

from pathlib import Path

import pytest

from bot.config import ConfigError, organizations
from bot.config.credentials import AccessToken, Keys
from bot.config.settings import read
from bot.links import OrgHosts

KEYS = 'dd_api_key = "very-secret-1"\ndd_app_key = "very-secret-2"\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "orgs.toml"
    file.write_text(text, encoding="utf-8")
    return file


def sentence(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        organizations.read(written(tmp_path, text))
    message = str(refused.value)
    assert message.startswith("CASE_INSIGHTS_ORGS_FILE: ")
    assert message.endswith(".")
    assert "very-secret" not in message
    return message


def test_each_table_is_an_organisation(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("very-secret-3\n", encoding="utf-8")
    text = f'[acme]\ndd_web_hosts = ["Acme.datadoghq.com"]\n{KEYS}[acme-eu]\ndd_site = "datadoghq.eu"\n'
    text += f'dd_access_token_file = "{tmp_path / "token"}"\nteams = ["T0EU"]\n'
    acme, eu = organizations.read(written(tmp_path, text))
    assert acme.hosts == OrgHosts("acme", "datadoghq.com", frozenset({"acme.datadoghq.com"}))
    assert (acme.url, acme.case_host, acme.teams) == ("https://api.datadoghq.com", "acme.datadoghq.com", None)
    assert isinstance(acme.credentials(), Keys)
    assert (eu.url, eu.case_host, eu.teams) == ("https://api.datadoghq.eu", "app.datadoghq.eu", frozenset({"T0EU"}))
    assert eu.credentials().headers() == {"Authorization": "Bearer very-secret-3"}


def test_a_secret_is_renewed_from_its_file_and_stays_where_it_cannot_be_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("very-secret-1", encoding="utf-8")
    [org] = organizations.read(written(tmp_path, f'[acme]\ndd_access_token_file = "{token}"\n'))
    token.write_text("very-secret-2\n", encoding="utf-8")
    renewed = org.renewed()
    assert isinstance(renewed, AccessToken)
    assert renewed.headers() == {"Authorization": "Bearer very-secret-2"}
    token.write_text("", encoding="utf-8")
    assert org.renewed() is None
    token.unlink()
    assert org.renewed() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no organisation"),
        ("[acme", "is not TOML"),
        ('dd_site = "datadoghq.com"\n', "dd_site is outside of every table"),
        (f'["Acme Corp"]\n{KEYS}', "cannot be a name"),
        (f'[acme]\ndd_site = "datadog.com"\n{KEYS}', "[acme] dd_site is not one of Datadog's nine sites"),
        (f"[acme]\ndd_keys = 1\n{KEYS}", "dd_keys is no setting of an organisation"),
        (f'[acme]\ndd_web_host = ["acme.datadoghq.com"]\n{KEYS}', "did you mean dd_web_hosts"),
        ('[acme]\ndd_api_key = "very-secret-1"\n', "has no dd_app_key"),
        ('[acme]\ndd_app_key = "very-secret-1"\n', "has no dd_api_key"),
        ("[acme]\n", "has no dd_api_key: set it or dd_api_key_file, or dd_access_token"),
        (f'[acme]\ndd_access_token = "very-secret-3"\n{KEYS}', "keep either the token or the two keys"),
        (f'[acme]\ndd_api_key_file = "/nowhere"\n{KEYS}', "are both set"),
        ('[acme]\ndd_access_token_file = "/nowhere/at-all"\n', "/nowhere/at-all cannot be read (No such file"),
        (f'[acme]\ndd_api_url = "api"\n{KEYS}', "dd_api_url is not a web address"),
        (f"[acme]\nteams = []\n{KEYS}", "teams is empty, so nobody could use it"),
        (f'[acme]\nteams = ["acme"]\n{KEYS}', "teams names 'acme', which is no id of a workspace"),
        (f'[acme]\nteams = "T0ACME"\n{KEYS}', "teams must be a list in brackets."),
        ('[acme]\ndd_api_key = 5\ndd_app_key = "very-secret-2"\n', "dd_api_key must be text in quotes."),
        (f"[acme]\ndd_web_hosts = [1]\n{KEYS}", "dd_web_hosts must be a list in brackets."),
        (f'[acme]\ndd_web_hosts = ["acme"]\n{KEYS}', "[acme] dd_web_hosts names 'acme', from which Datadog serves no"),
        (
            f'[acme]\ndd_web_hosts = ["a.datadoghq.com"]\n{KEYS}[beta]\ndd_web_hosts = ["A.datadoghq.com"]\n{KEYS}',
            "acme and beta both name a.datadoghq.com",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_place_and_without_the_secret(tmp_path: Path, text: str, words: str) -> None:
    assert words in sentence(tmp_path, text)


@pytest.mark.parametrize(
    ("teams", "installed", "in_vain"),
    [
        ('["T0PART"]', {"E0GRID"}, "T0PART"),
        ('["T0PART", "T0ACME"]', {"E0GRID", "T0ACME"}, "T0PART"),
        ('["T0PART", "E0OTHER"]', {"E0GRID"}, "T0PART"),
        ('["T0PART", "E0GRID"]', {"E0GRID"}, ""),
        ('["E0OTHER"]', {"E0GRID"}, ""),
        ('["T0PART"]', {"T0ACME"}, ""),
    ],
)
def test_a_workspace_is_named_in_vain_where_the_bot_is_in_its_whole_grid(tmp_path, teams, installed, in_vain):
    [org] = organizations.read(written(tmp_path, f"[acme]\nteams = {teams}\n{KEYS}"))
    problem = org.unseen_teams(installed)
    assert (f"[acme] teams names {in_vain}, but the bot is installed in the whole Grid E0GRID" in problem) is bool(
        in_vain
    )
    assert bool(problem) is bool(in_vain)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.toml cannot be read \(No such file"):
        organizations.read(tmp_path / "nowhere.toml")
    (tmp_path / "latin").write_bytes(b"[\xe9]")
    with pytest.raises(ConfigError, match="not UTF-8"):
        organizations.read(tmp_path / "latin")
    (tmp_path / "empty").touch()
    text = f'[acme]\ndd_access_token_file = "{tmp_path / "empty"}"\n'
    assert "is empty; write the secret into it" in sentence(tmp_path, text)


@pytest.mark.parametrize("name", ["DD_API_KEY", "DD_ACCESS_TOKEN", "DD_SITE", "DD_API_URL", "DD_WEB_HOSTS"])
def test_the_file_and_a_setting_of_one_organisation_contradict_each_other(tmp_path: Path, name: str) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    given["CASE_INSIGHTS_ORGS_FILE"] = str(written(tmp_path, f"[acme]\n{KEYS}"))
    assert [org.hosts.name for org in read(given, env_file=None).orgs()] == ["acme"]
    with pytest.raises(ConfigError, match=f"CASE_INSIGHTS_ORGS_FILE and {name} are both set"):
        read({**given, name: "x"}, env_file=None)
