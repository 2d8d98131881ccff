"""A small MQTT client (3.1.1; quality of service 0 and 1) with the interface of `umqtt.simple`,
for firmware that does not bring that one. What it lacks of umqtt: quality of service 2.

Every function raises OSError when the connection is gone; a broker that does not answer within
`timeout` seconds is gone.
"""

import socket
import struct
import time


class MQTTClient:
    def __init__(
        self, client_id, server, port=1883, user=None, password=None, keepalive=0, ssl=None,
        timeout=10
    ):
        self.client_id = client_id
        self.address = (server, port)
        self.user = user
        self.password = password
        self.keepalive = keepalive
        self.ssl = ssl
        self.timeout = timeout
        self.sock = None
        self._number = 0
        self._will = None
        self._callback = None
        self._acknowledged = None

    def set_callback(self, callback):
        """`callback(topic, message)`, both bytes, is called from `check_msg`, and while others of
        these functions wait for the broker."""
        self._callback = callback

    def set_last_will(self, topic, message, retain=False, qos=0):
        self._will = (topic, message, retain, qos)

    def connect(self, clean_session=True):
        flags = 2 if clean_session else 0
        payload = _text(self.client_id)
        if self._will:
            topic, message, retain, qos = self._will
            flags |= 4 | qos << 3 | retain << 5
            payload += _text(topic) + _text(message)
        if self.user is not None:
            flags |= 0xC0
            payload += _text(self.user) + _text(self.password)
        sock = socket.socket()
        self.sock = sock
        sock.settimeout(self.timeout)
        sock.connect(socket.getaddrinfo(*self.address)[0][-1])
        if self.ssl:
            self.sock = self.ssl.wrap_socket(sock, server_hostname=self.address[0])
        head = _text("MQTT") + struct.pack(">BBH", 4, flags, self.keepalive)
        self._send(0x10, head + payload)
        kind, answer = self._packet()
        if kind != 0x20 or answer[1]:
            raise OSError("the broker refuses: {}".format(answer[1]))

    def disconnect(self):
        self._send(0xE0, b"")
        self.close()

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    def ping(self):
        self._send(0xC0, b"")

    def publish(self, topic, message, retain=False, qos=0):
        head = _text(topic)
        if qos:
            head += struct.pack(">H", self._next())
        self._send(0x30 | qos << 1 | retain, head + message)
        if qos:
            self._wait(0x40)

    def subscribe(self, topic, qos=0):
        head = struct.pack(">H", self._next())
        self._send(0x82, head + _text(topic) + bytes((qos,)))
        answer = self._wait(0x90)
        if answer[2] == 0x80:
            raise OSError("not permitted")

    def check_msg(self):
        """Takes a message if one is there. Returns whether there was anything."""
        self.sock.settimeout(0)
        try:
            first = self.sock.read(1)
        except OSError as error:
            if error.errno not in (11, 110, 116):
                raise
            first = None
        finally:
            self.sock.settimeout(self.timeout)
        if first is None:
            return False
        self._take(*self._packet(first))
        return True

    def wait_msg(self):
        """Waits for a message."""
        self._take(*self._packet())

    def _next(self):
        self._number = self._number % 65535 + 1
        return self._number

    def _wait(self, kind):
        """For the answer to what was sent last."""
        deadline = time.ticks_add(time.ticks_ms(), self.timeout * 1000)
        while time.ticks_diff(deadline, time.ticks_ms()) > 0:
            found, answer = self._packet()
            if found & 0xF0 != kind:
                self._take(found, answer)
            elif struct.unpack(">H", answer)[0] == self._number:
                return answer
        raise OSError(110)

    def _take(self, kind, packet):
        if kind & 0xF0 != 0x30:
            return
        length = struct.unpack(">H", packet)[0] + 2
        topic = bytes(packet[2:length])
        if kind & 6:
            self._send(0x40, packet[length : length + 2])
            length += 2
        self._callback(topic, bytes(packet[length:]))

    def _packet(self, first=None):
        kind = (first or self._read(1))[0]
        length = shift = 0
        while True:
            byte = self._read(1)[0]
            length |= (byte & 127) << shift
            if byte < 128:
                return kind, self._read(length)
            shift += 7
            if shift > 21:
                raise OSError("no packet")

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.read(count - len(data))
            if not more:
                raise OSError(104)
            data = data + more if data else more
        return data

    def _send(self, kind, data):
        head = bytearray((kind,))
        length = len(data)
        while length > 127:
            head.append(length & 127 | 128)
            length >>= 7
        head.append(length)
        data = bytes(head) + data
        at = 0
        while at < len(data):
            count = self.sock.write(data[at:])
            if not count:
                raise OSError(104)
            at += count


def _text(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data
