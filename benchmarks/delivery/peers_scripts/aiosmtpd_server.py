"""aiosmtpd on uvloop, which stores nothing: `aiosmtpd_server.py PORT` serves until it is ended."""

import asyncio
import sys

import uvloop
from aiosmtpd.smtp import SMTP


class Handler:
    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 – its name
        return "250 OK"


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler()), "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


uvloop.run(main())
