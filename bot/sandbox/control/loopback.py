"""The sandbox is for this machine: no web site can use it, from its own origin or by a name that points here.

The second is DNS rebinding: a site gives its name the address 127.0.0.1, and its pages may then call it.
"""

import re

from aiohttp import web
from aiohttp.typedefs import Handler

NAMES = ("127.0.0.1", "localhost", "[::1]")
ORIGIN = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")


@web.middleware
async def only_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for a `Host` that is not this server's own, and for an `Origin` of another machine."""
    if not _is_own(request):
        return _refusal("The sandbox is for this machine alone: open it as http://127.0.0.1, with its port.")
    if not ORIGIN.fullmatch(request.headers.get("Origin", "http://localhost")):
        return _refusal("Only pages on this machine may use the sandbox.")
    return await handler(request)


def _is_own(request: web.Request) -> bool:
    if request.transport is None:
        return False
    port = request.transport.get_extra_info("sockname")[1]
    name, _, given = request.headers.get("Host", "").lower().rpartition(":")
    return name in NAMES and given == str(port)


def _refusal(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=403)
