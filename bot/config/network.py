"""The way to Slack and Datadog: the proxy and the certificates that the environment names, the same for every call."""

import contextlib
import os
import socket
import ssl
from functools import cache
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment

import certifi

from bot.config import ConfigError
from bot.config.credentials import unreadable

CERTIFICATE_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@cache
def certificates() -> ssl.SSLContext:
    """Trusts what `SSL_CERT_FILE` or `SSL_CERT_DIR` holds, else the system's certificates and those of certifi.

    Raises ConfigError where that cannot be read: OpenSSL would trust nobody, and not say why.
    """
    named = {name: value for name in CERTIFICATE_FILES if (value := os.environ.get(name))}
    for name, value in named.items():
        try:
            os.scandir(value).close() if name == "SSL_CERT_DIR" else ssl.create_default_context(cafile=value)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{name}: {unreadable(value, error)}") from error
    context = ssl.create_default_context()
    # Python 3.13 and newer refuse what many companies' authorities leave out, and browsers and curl do without:
    # docs.python.org/3/library/ssl.html#ssl.create_default_context
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not named:
        context.load_verify_locations(certifi.where())
    return context


def proxy_for(url: str) -> str | None:
    """The address of the proxy for this address, by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`."""
    address, proxies = urlsplit(url), getproxies_environment()
    if any(_is_meant(name.strip().lower(), address) for name in proxies.get("no", "").split(",")):
        return None
    proxy = proxies.get("https" if address.scheme in ("https", "wss") else "http") or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _is_meant(name: str, address: SplitResult) -> bool:
    """Whether an entry of `NO_PROXY` is this address's: `*`, a name with its sub-domains, `name:port`, `10.0.0.0/8`."""
    host = address.hostname or ""
    if "/" in name:
        with contextlib.suppress(ValueError):
            return ip_address(host) in ip_network(name, strict=False)
        return False
    bare = name.lstrip("*").lstrip(".")
    return name == "*" or (bare != "" and (address.netloc == bare or host == bare or host.endswith(f".{bare}")))


def cause_of(error: BaseException | None, url: str) -> str:
    """Why a call to this address got no answer, in words an operator can act on; never a secret."""
    words = type(error).__name__
    while error is not None:
        if told := _told(error):
            words = told
            break
        error = error.__cause__ or error.__context__
    proxy = urlsplit(proxy_for(url) or "")
    return f"{words}, by way of the proxy {proxy.hostname}:{proxy.port}" if proxy.hostname else words


def _told(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError() if words := getattr(error, "verify_message", ""):
            return f"its certificate is not trusted: {words}"
        case socket.gaierror():
            return "its name cannot be resolved"
        case ConnectionRefusedError():
            return "the connection was refused"
        # aiohttp's has the status, httpx's says "403 Forbidden".
        case _ if "Proxy" in type(error).__name__ and (status := str(getattr(error, "status", error))[:3]).isdigit():
            return f"refused ({status})"
        case _:
            return ""
