"""Updates from flashdelta-server by HTTP: the plain request of docs/service.md.

    from flashdelta.agent import Esp32
    from flashdelta.http import Http
    Http("updates.example", 443, token, digest, Esp32(), tls=lambda sock, host: ...).run()
"""

import json
import os
import socket
import time

from .agent import Agent

_PIECE = 512


class Response:
    """An answer of a server, and what is left of its body."""

    def __init__(self, stream):
        self.stream = stream
        words = stream.readline().split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
            raise OSError("no answer")
        self.status = int(words[1])
        self.headers = {}
        while True:
            line = stream.readline().strip()
            if not line:
                break
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        if "transfer-encoding" in self.headers:
            raise OSError("an answer in chunks")
        self.left = int(self.headers.get("content-length", "0"))

    def read(self):
        """The next bytes of the body; empty at its end."""
        data = self.stream.read(min(self.left, _PIECE)) if self.left else b""
        if self.left and not data:
            raise OSError("the connection has ended")
        self.left -= len(data)
        return data


class Http(Agent):
    """An agent that asks a server for updates.

    `token` is the device's, `digest` the SHA-256 of the image that it was made with, in
    hexadecimal: those of later ones it keeps. `tls(socket, host)` gives a stream for `https`.
    `folder` is where the patch and the record are kept. `is_healthy()` tells whether a new image
    may stay, once it has reached the server; one that has not after `trial` milliseconds resets the
    board. `every` and `retry` are milliseconds between two questions, and after a failure. Further
    arguments are those of `Applier`.
    """

    def __init__(
        self,
        host,
        port,
        token,
        digest,
        board,
        folder="",
        is_healthy=None,
        tls=None,
        every=3600000,
        retry=60000,
        trial=600000,
        timeout=30,
        **checks
    ):
        super().__init__(board, folder, is_healthy, trial, checks)
        self.host = host
        self.port = port
        self.token = token
        self.digest = digest
        self.tls = tls
        self.every = every
        self.retry = retry
        self.timeout = timeout

    def run(self):
        """Runs until the board is reset; returns then, if that returns."""
        while True:
            wait = self.step()
            if wait is None:
                return
            time.sleep_ms(wait)

    def step(self):
        """Asks once, and does what comes of it. Returns the milliseconds until it is to be called
        again; None: the board is reset."""
        try:
            return self._step()
        except OSError as error:
            print("server:", error)
            if self._is_lost():
                self.board.reset()
                return None
            return self.retry

    def _step(self):
        record = self.record
        if record.get("state") == "trial" and self.board.running != record["slot"]:
            self._fail("rolled-back")
        if self.record.get("report"):
            self._report()
        headers = ""
        if self.record.get("state") == "taking":
            # What has come of the patch counts, if the server still has the same.
            headers = "Range: bytes={}-\r\nIf-Range: {}\r\n".format(self._kept(), record["etag"])
        query = "digest={}&profile=micropython".format(self._running())
        stream = self._send("GET", "/v1/update?" + query, headers)
        try:
            return self._answered(Response(stream))
        finally:
            stream.close()

    def _answered(self, response):
        status = response.status
        if status == 503:
            return 1000 * int(response.headers.get("retry-after", "1"))
        if status == 416:
            # All of the patch is here, and was not put to use: from the beginning.
            self._drop()
            self._save({"state": "idle", "images": self._images()})
            return 0
        if status not in (200, 204, 206):
            raise OSError("status {}".format(status))
        if self.record.get("state") == "trial":
            return self._end_trial()
        if status == 204:
            return self.every
        return self._download(response)

    def _end_trial(self):
        """The new image has reached the server."""
        if not self.is_healthy():
            self.board.reset()
            return None
        self.board.confirm()
        self._save({"state": "done", "images": self._images()})
        return 0

    def _download(self, response):
        headers = response.headers
        if response.status == 200:
            self._drop()
            record = {"state": "taking", "images": self._images(), "etag": headers["etag"]}
            record["action"] = headers["x-flashdelta-action"]
            self._save(record)
        error = self._begin()
        # A file that was torn is gone: the server is asked for all of it.
        if not error and self.at != self._start(response):
            self._save({"state": "idle", "images": self._images()})
            return 0
        while not error:
            data = response.read()
            if not data:
                error = self._end(headers["x-flashdelta-digest"])
                break
            error = self._take(data)
        if error:
            self._fail(error)
            return 0
        images = self._images()
        images[self.board.other] = headers["x-flashdelta-image"]
        record = {"state": "trial", "slot": self.board.other, "images": images}
        record["action"] = self.record["action"]
        self._select(record)
        self._drop()
        self.board.reset()
        return None

    def _start(self, response):
        """Where the body begins in the patch."""
        if response.status == 200:
            return 0
        words = response.headers.get("content-range", "").replace("-", " ").split()
        if len(words) < 2:
            raise OSError("a part without a range")
        return int(words[1])

    def _fail(self, kind):
        self._drop()
        report = [self.record["action"], kind]
        self._save({"state": "failed", "report": report, "images": self._images()})

    def _report(self):
        """Tells what has not worked, once."""
        action, kind = self.record["report"]
        body = json.dumps({"action": int(action), "result": "failure", "message": kind})
        headers = "Content-Type: application/json\r\nContent-Length: {}\r\n".format(len(body))
        stream = self._send("POST", "/v1/update/report", headers, body)
        try:
            status = Response(stream).status
        finally:
            stream.close()
        if status >= 500:
            raise OSError("status {}".format(status))
        self._save({"state": "failed", "images": self._images()})

    def _images(self):
        """Digests of the images that came by updates, by slot."""
        return self.record.get("images", {})

    def _running(self):
        return self._images().get(self.board.running, self.digest)

    def _kept(self):
        try:
            return os.stat(self.patch_path)[6]
        except OSError:
            return 0

    def _send(self, method, path, headers, body=""):
        stream = socket.socket()
        try:
            stream.settimeout(self.timeout)
            stream.connect(socket.getaddrinfo(self.host, self.port)[0][-1])
            if self.tls:
                stream = self.tls(stream, self.host)
            start = "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n".format(
                method, path, self.host
            )
            start += "Authorization: Bearer {}\r\n".format(self.token)
            stream.write((start + headers + "\r\n" + body).encode())
        except Exception:
            stream.close()
            raise
        return stream
