"""Which proxy a call takes, and certificates that cannot be read."""

from pathlib import Path

import pytest

from bot.config import ConfigError, network

SLACK, DATADOG = "https://slack.com/api/", "https://api.datadoghq.eu"
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, SLACK, None),
        ({"HTTPS_PROXY": PROXY}, SLACK, PROXY),
        ({"HTTPS_PROXY": PROXY}, "wss://wss-primary.slack.com/link/", PROXY),
        ({"https_proxy": "proxy.example:3128"}, SLACK, PROXY),
        ({"HTTP_PROXY": PROXY}, SLACK, None),
        ({"HTTP_PROXY": PROXY}, "http://127.0.0.1:8080/api/", PROXY),
        ({"ALL_PROXY": PROXY}, SLACK, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost, .datadoghq.eu"}, DATADOG, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*.datadoghq.eu"}, DATADOG, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "datadoghq.eu"}, DATADOG, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "hq.eu"}, DATADOG, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, SLACK, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3/", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,"}, SLACK, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.1.2.3:8443"}, "https://10.1.2.3:8443/", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.1.2.3:8443"}, "https://10.1.2.3/", PROXY),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert network.proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("name", "content"), [("SSL_CERT_FILE", None), ("SSL_CERT_FILE", "hello"), ("SSL_CERT_DIR", None)]
)
def test_certificates_that_cannot_be_read_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(ConfigError, match=f"^{name}: .*authority.pem"):
        network.certificates.__wrapped__()
