"""A server that runs, for scripts that ask it."""

import json
import subprocess
import threading
import urllib.request


class Server:
    """A server in a folder of its own; its first operator is `admin`.

    `failures` are the lines of its log that say that it failed.
    """

    def __init__(self, program, folder, *arguments):
        self.process = subprocess.Popen(
            [program, "serve", "--data", str(folder), "--listen", "127.0.0.1:0",
             "--log-format", "json", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline().strip() for _ in range(4)]
        self.token, self.password = lines[1], lines[3]
        self.url, self.failures = None, []
        for line in self.process.stderr:
            entry = json.loads(line)
            if entry.get("message") == "listening":
                self.url = "http://" + entry["address"]
                break
        assert self.url, "the server does not start"
        # Else it would wait for somebody to read its log.
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stderr:
            if '"ERROR"' in line:
                self.failures.append(line.strip()[:500])

    def request(self, method, path, token=None, body=None):
        """Status, headers and body of an answer. A body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, method=method, data=data,
            headers={"Authorization": f"Bearer {token or self.token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
