"""GET URL, and write what comes to standard output: `URL [PATTERN IDENTITY KEY]`."""

import asyncio
import sys

import aiocoap


async def main(url, *psk):
    context = await aiocoap.Context.create_client_context()
    if psk:
        try:
            import DTLSSocket  # noqa: F401
        except ImportError:
            sys.exit("no DTLS")
        pattern, identity, key = psk
        dtls = {"psk": {"hex": key}, "client-identity": {"ascii": identity}}
        context.client_credentials.load_from_dict({pattern: {"dtls": dtls}})
    response = await context.request(aiocoap.Message(code=aiocoap.GET, uri=url)).response
    if not response.code.is_successful():
        sys.exit(f"{response.code} {response.payload!r}")
    sys.stdout.buffer.write(response.payload)
    await context.shutdown()


asyncio.run(main(*sys.argv[1:]))
