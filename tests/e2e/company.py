"""A company's network: the only way out is a proxy, and it opens TLS with certificates of the company's own authority.

Names resolve at the proxy alone: `slack.test` and `datadog.test` lead to the sandbox's two servers.
"""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.balancer import HOP

NAMES = ("slack.test", "datadog.test")


class Company:
    """`proxy`: its address; `authority`: the file with its certificate; `asked`: each name that a tunnel was for."""

    def __init__(self, targets: Mapping[str, str], directory: Path) -> None:
        """`targets`: for each name the address, without a path, of the server behind it."""
        self.proxy, self.authority = "", directory / "authority.pem"
        self.asked: list[str] = []
        self.refuses = False
        self._targets = targets
        self._inside: web.AppRunner | None = None
        self._certificate = directory / "certificate.pem"
        _issue(self.authority, self._certificate)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator["Company"]:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._forward)
        self._inside = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._inside.setup()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._certificate)
        await web.TCPSite(self._inside, "127.0.0.1", 0, ssl_context=tls).start()
        proxy = await asyncio.start_server(self._tunnel, "127.0.0.1", 0)
        self.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        async with aiohttp.ClientSession() as self._session:
            try:
                yield self
            finally:
                proxy.close()
                await self._inside.cleanup()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        name = head.split()[1].partition(":")[0]
        self.asked.append(name)
        if self.refuses or not head.startswith("CONNECT ") or name not in NAMES:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        assert self._inside is not None
        inside = await asyncio.open_connection("127.0.0.1", self._inside.addresses[0][1])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, inside[1]), _copy(inside[0], writer))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        target = self._targets[request.host]
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._forward_frames(request, target)
        body = await request.read()
        async with self._session.request(request.method, target + request.path_qs, data=body, headers=headers) as said:
            text = _renamed((await said.read()).decode(), self._targets)
            return web.Response(status=said.status, text=text, content_type=said.content_type)

    async def _forward_frames(self, request: web.Request, target: str) -> web.WebSocketResponse:
        outside = web.WebSocketResponse(autoping=True)
        await outside.prepare(request)
        async with self._session.ws_connect(target + request.path_qs) as inside:

            async def outwards() -> None:
                async for frame in inside:
                    await outside.send_str(_renamed(str(frame.data), self._targets))

            sending = asyncio.create_task(outwards())
            async for frame in outside:
                await inside.send_str(str(frame.data))
            sending.cancel()
        return outside


def _renamed(text: str, targets: Mapping[str, str]) -> str:
    """With the names in place of the servers' own addresses, also where JSON escapes the slashes."""
    for name, target in targets.items():
        text = text.replace(target, f"https://{name}").replace(target.replace("http:", "ws:"), f"wss://{name}")
    return text


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _issue(authority: Path, certificate: Path) -> None:
    """Write an authority's certificate, and one for both names, with its key, that it signed."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the company")])

    def signed(name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        built = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        built = built.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        built = built.not_valid_after(now + datetime.timedelta(days=1)).add_extension(extension, critical=True)
        return built.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority.write_bytes(signed(issuer, keys[0], x509.BasicConstraints(ca=True, path_length=0)))
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    certificate.write_bytes(signed(subject, keys[1], names) + private)
