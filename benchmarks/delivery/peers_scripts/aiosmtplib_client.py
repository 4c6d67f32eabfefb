"""aiosmtplib on uvloop, ten connections: `aiosmtplib_client.py PORT COUNT SIZE`.

Prints mails, seconds, and seconds of processor time.
"""

import asyncio
import json
import sys
import time

import aiosmtplib
import uvloop

PORT, COUNT, SIZE = map(int, sys.argv[1:4])
LINE = b"The quick brown fox jumps over the lazy dog, ticket body.\r\n"
MESSAGE = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: x\r\n\r\n" + LINE * (SIZE // len(LINE))


async def carry(count: int) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=PORT, use_tls=False, start_tls=False)
    await client.connect()
    for _ in range(count):
        await client.sendmail("a@example.test", ["b@example.test"], MESSAGE)
    await client.quit()


async def main() -> None:
    began, before = time.perf_counter(), time.process_time()
    await asyncio.gather(*(carry(COUNT // 10) for _ in range(10)))
    print(json.dumps([COUNT // 10 * 10, time.perf_counter() - began, time.process_time() - before]))


uvloop.run(main())
