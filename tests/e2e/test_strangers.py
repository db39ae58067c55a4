"""Whoever finds the bot's address, without Slack's signature or with nonsense: bounded, and nothing of it is logged."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from bot.sandbox.slack.http_mode import signature
from tests.e2e.bench import SIGNING_SECRET, Bench

SECRET = b"very-secret"
HOST = b"Host: bot.example.com\r\n"
CLOSE = HOST + b"Connection: close\r\n"
NOW = b"the time when it is sent"
AT = b"X-Slack-Request-Timestamp: " + NOW + b"\r\n"
SIGNED = b"POST /slack/events HTTP/1.1\r\n" + CLOSE + AT + b"X-Slack-Signature: v0=" + 64 * b"0" + b"\r\n"
CHUNKED = SIGNED + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def door(over_http: Bench) -> Bench:
    """The bot as the test before left it: nothing of what is sent here gets further than its door."""
    await over_http.start()
    return over_http


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(b: Bench) -> Connection:
    assert b.balancer is not None
    address = urlsplit(b.balancer.targets[0])
    return await asyncio.open_connection(address.hostname, address.port)


async def rest(connection: Connection) -> bytes:
    """What comes until the bot closes."""
    try:
        return await connection[0].read()
    except ConnectionError:
        return b""
    finally:
        connection[1].close()


async def talk(b: Bench, *parts: bytes, hang_up: bool = False) -> bytes:
    """Send these, each in a packet of its own; the answer."""
    connection = await connect(b)
    for part in parts:
        connection[1].write(part.replace(NOW, b"%d" % time.time()))
        await connection[1].drain()
    if hang_up:
        connection[1].close()
    return b"" if hang_up else await rest(connection)


NONSENSE = {
    "TLS": [b"\x16\x03\x01" + SECRET],
    "a bad method": [b"G\x00T /very-secret HTTP/1.1\r\n\r\n"],
    "another version": [b"GET /very-secret HTTP/9.9\r\n\r\n"],
    "HTTP/2": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SECRET],
    "no host": [b"GET /very-secret HTTP/1.1\r\n\r\n"],
    "a header without a colon": [b"GET / HTTP/1.1\r\n" + HOST + SECRET + b"\r\n\r\n"],
    "NUL in a header": [b"GET / HTTP/1.1\r\n" + HOST + b"X: very-secret\x00\r\n\r\n"],
    "a long path": [b"GET /" + SECRET * 900 + b" HTTP/1.1\r\n\r\n"],
    "a long header": [b"GET / HTTP/1.1\r\n" + HOST + b"X: " + SECRET * 900 + b"\r\n\r\n"],
    "many headers": [b"GET / HTTP/1.1\r\n" + HOST + b"X: very-secret\r\n" * 200 + b"\r\n"],
    "a bad port": [b"CONNECT very-secret:x HTTP/1.1\r\n" + HOST + b"\r\n"],
    "a bad length": [SIGNED + b"Content-Length: very-secret\r\n\r\n"],
    "a bad coding": [SIGNED + b"Transfer-Encoding: very-secret\r\n\r\n"],
    "a bad chunk": [CHUNKED + b"very-secret\r\n"],
    "a chunk that is too long": [CHUNKED + b"5\r\nvery-secret\r\n"],
    "a bad chunk that comes later": [CHUNKED, b"5\r\nvery-\r\n", b"very-secret\r\n"],
    # In one packet: a page may be answered, and the connection closed, before the next one comes.
    "a bad chunk for a page": [b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET],
}


@pytest.mark.parametrize("parts", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_refused_and_none_of_it_is_logged(door: Bench, parts: list[bytes]) -> None:
    answer = await talk(door, *parts)
    assert answer.partition(b"\r\n")[0].split(b" ", 1)[1][:3] in (b"400", b"408", b"200"), answer
    assert "very-secret" not in door.log
    assert "Traceback" not in door.log
    assert any(words in door.log for words in ("http.malformed", "not complete", "too slow"))


async def test_where_aiohttp_itself_fails_the_log_names_the_error_and_the_connection_ends(door: Bench) -> None:
    """At this its task ends, and asyncio tells of it when the task is collected."""
    failing = [b"CONNECT \r\n\r\n"]
    async with asyncio.timeout(9):
        assert await talk(door, *failing) == b""
    while "unexpected" not in door.log:
        await talk(door, *failing, hang_up=True)
    await asyncio.gather(*(talk(door, *failing, hang_up=True) for _ in range(300)))
    assert "Traceback" not in door.log
    assert door.log.count("unexpected") == 1


async def test_a_flood_of_nonsense_is_a_line_a_minute(door: Bench) -> None:
    before = door.log.count("\n")
    for _ in range(30):
        await talk(door, NONSENSE["TLS"][0])
        await talk(door, QUIET["a signature"])
    assert door.log.count("\n") <= before + 3


QUIET = {
    "a path": b"GET /very-secret HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a query": b"GET /healthz?very-secret=1 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a query and a header for Slack's path": b"POST /slack/events?very-secret=1 HTTP/1.1\r\n"
    + CLOSE
    + b"User-Agent: very-secret\r\n\r\n",
    "an expectation": b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"Expect: very-secret\r\n\r\n",
    "one in no encoding": b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"Expect: very-secret\xff\r\n\r\n",
    "a page's compressed body": b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"Content-Encoding: gzip\r\n"
    b"Content-Length: 11\r\n\r\nvery-secret",
    "a signature": b"POST /slack/events HTTP/1.1\r\n" + CLOSE + b"X-Slack-Signature: very-secret\r\n\r\n",
    "a kind": SIGNED + b"Content-Type: very-secret; charset=very-secret\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("sent", QUIET.values(), ids=QUIET)
async def test_what_is_well_formed_and_a_stranger_s_is_not_logged_either(door: Bench, sent: bytes) -> None:
    assert (await talk(door, sent)).startswith(b"HTTP/1.1 ")
    assert "very-secret" not in door.log
    assert "Traceback" not in door.log


async def test_who_hangs_up_in_the_middle_leaves_no_traceback(door: Bench) -> None:
    for start in (SIGNED + b"Content-Length: 100\r\n\r\nvery-secret", CHUNKED + b"b\r\nvery-sec", SIGNED):
        await talk(door, start, hang_up=True)
    assert (await talk(door, b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")).startswith(b"HTTP/1.1 200")
    assert "very-secret" not in door.log
    assert "Traceback" not in door.log


BOMB = gzip.compress(bytes(64 * 1024 * 1024))
COMPRESSED = {
    "no gzip": ("gzip", SECRET),
    "nothing": ("gzip", b""),
    "a bomb": ("gzip", BOMB),
    "Slack's, compressed": ("gzip", gzip.compress(b'{"type": "url_verification", "challenge": "x"}')),
    "no deflate": ("deflate", SECRET),
    "no brotli": ("br", SECRET),
    "no zstd": ("ZSTD", SECRET),
    "twice": ("gzip, gzip", SECRET),
    "unknown": ("very-secret", SECRET),
}


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed"])
@pytest.mark.parametrize(("encoding", "body"), COMPRESSED.values(), ids=COMPRESSED)
async def test_a_compressed_body_is_refused_and_never_inflated(
    door: Bench, encoding: str, body: bytes, *, signed: bool
) -> None:
    at = str(int(time.time()))
    headers = {
        "Content-Encoding": encoding,
        "Content-Length": str(len(body)),
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": signature(SIGNING_SECRET, at, body) if signed else "v0=" + 64 * "0",
    }
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
    answer = await talk(door, b"POST /slack/events HTTP/1.1\r\n" + CLOSE + lines + b"\r\n", body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert "very-secret" not in door.log
    assert "Traceback" not in door.log


@pytest.fixture
async def crowd(door: Bench) -> AsyncIterator[list[Connection]]:
    """As many connections as the bot takes."""
    connections = [await connect(door) for _ in range(500)]
    yield connections
    for _, writer in connections:
        writer.close()


async def test_connections_are_bounded_and_a_header_that_is_not_finished_ends(
    door: Bench, crowd: list[Connection]
) -> None:
    """The bound is said once a minute; half of the crowd sends half a header, the other half nothing."""
    for _, writer in crowd[::2]:
        writer.write(b"GET /healthz HTTP/1.1\r\nX: very-secret")
    for _ in range(20):
        assert await rest(await connect(door)) == b"", "closed at once"
    assert door.log.count("http.too_many_connections") == 1
    async with asyncio.timeout(9):  # the header's five seconds, and this machine's
        assert not any(await asyncio.gather(*map(rest, crowd)))
    assert door.log.count("http.unfinished_header") == 1
    assert (await talk(door, b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")).startswith(b"HTTP/1.1 200")
    assert "very-secret" not in door.log


async def test_the_next_header_on_a_connection_ends_too_and_an_idle_one_stays(door: Bench) -> None:
    idle, slow = await connect(door), await connect(door)
    for _, writer in (idle, slow):
        writer.write(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    for reader, _ in (idle, slow):
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
    slow[1].write(b"GET /healthz HTTP/1.1\r\n")
    async with asyncio.timeout(9):
        assert await rest(slow) == b""
    idle[1].write(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert (await rest(idle)).startswith(b"HTTP/1.1 200")


async def test_a_body_that_does_not_end_is_refused_after_three_seconds(door: Bench) -> None:
    now = b"X-Slack-Request-Timestamp: %d\r\nX-Slack-Signature: v0=%s\r\n" % (time.time(), 64 * b"0")
    head = (
        b"POST /slack/events HTTP/1.1\r\n"
        + CLOSE
        + now
        + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    )
    reader, writer = await connect(door)
    began = time.monotonic()
    writer.write(head + b'{"type": ')
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began > 2.5
    async with asyncio.timeout(5):
        await reader.read()  # until the bot closes: aiohttp by itself waits for ten seconds more
    writer.close()
