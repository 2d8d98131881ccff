"""A bad network between devices and broker: a proxy for TCP that loses what it carries.

What TCP loses for good it has lost with the connection: with the given probability a segment is
dropped and both sides see the connection end.
"""

import random
import socket
import threading


class Lossy:
    def __init__(self, port, loss, seed=1, delay=0.0):
        self.target = port
        self.loss = loss
        self.random = random.Random(seed)
        self.cuts = 0
        self.passed = 0
        self.server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.server.getsockname()[1]
        self.running = True
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.running = False
        self.server.close()

    def _accept(self):
        while self.running:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, source, sink):
        try:
            while True:
                data = source.recv(4096)
                if not data:
                    break
                if self.random.random() < self.loss:
                    self.cuts += 1
                    break
                sink.sendall(data)
                self.passed += 1
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
