"""Asks the service what its OpenAPI document says can be asked.

Call it with `python run.py PROGRAM FOLDER SECONDS`.

Schemathesis makes requests from the document, right ones and wrong ones, for this many seconds in
all: as an operator with names that it makes up, as an operator with names that are there, and as a
gateway. The server must not fail: no answer is a 5xx but "later" (503).
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from running import Server  # noqa: E402

SERVER = pathlib.Path(__file__).parents[2]
FIRMWARE = SERVER.parents[1] / "testdata" / "firmware"
SEED = 17


def fill(server):
    """Enters a fleet; gives its names, by parameters of addresses, and a gateway's token."""
    def send(method, path, body):
        return json.loads(server.request(method, path, body=body)[2])

    send("PUT", "/v1/products/heron", {"name": "heron"})
    for version in ["1.0", "1.1"]:
        name = f"cortex-m-{version}.bin"
        release = send(
            "POST",
            f"/v1/products/heron/releases?version={version}&name={name}",
            (FIRMWARE / name).read_bytes(),
        )
    image = release["components"][0]["image"]
    send("POST", "/v1/products/heron/rollouts", {"id": "all", "release": "1.1"})
    send("PUT", "/v1/devices/h-1", {"id": "h-1", "product": "heron"})
    gateway = send("POST", "/v1/tokens", {"kind": "gateway", "name": "gateway"})["token"]
    return gateway, {
        "product": "heron", "version": "1.1", "sha256": image, "device": "h-1", "rule": "all",
        "controller": "h-1", "tenant": "default",
    }


def schemathesis(server, folder, token, names, seconds, only=None):
    """One run; gives the number of requests."""
    config = "".join(f'"path.{name}" = "{value}"\n' for name, value in names.items())
    # "Later" is an answer.
    checks = '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]\n'
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{config}\n{checks}")
    document = SERVER / "openapi.json"
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "--config-file",
        str(folder / "schemathesis.toml"), "run", str(document), "--url", server.url,
        "--header", f"Authorization: Bearer {token}", "--checks", "not_a_server_error",
        "--phases", "coverage,fuzzing", "--max-time", str(seconds), "--seed", str(SEED),
        "--warnings", "off", "--no-color",
    ]
    if only:
        command += ["--include-path-regex", only]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stdout[-6000:] + run.stderr[-2000:])
    return int(re.search(r"(\d+) generated", run.stdout).group(1))


def main():
    program, folder, seconds = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), int(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Nobody makes patches, so that nothing is waited for.
    server = Server(program, folder / "data", "--workers", "0", "--longest-wait", "0",
                    "--failed-requests", "0")
    try:
        gateway, names = fill(server)
        each = max(seconds // 3, 1)
        made = schemathesis(server, folder, server.token, {}, each)
        made += schemathesis(server, folder, server.token, names, each)
        made += schemathesis(server, folder, gateway, names, each, "update|controller")
    finally:
        server.kill()
    for failure in server.failures:
        print(failure, file=sys.stderr)
    if server.failures:
        sys.exit(f"the server failed {len(server.failures)} times")
    print(f"{made} requests made from the document, none of which the server failed at")


main()
