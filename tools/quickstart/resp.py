"""The little of the Redis protocol that the show's clients need: one socket, one reply a command.

Our own on purpose: it opens one socket, never opens another behind the caller's back, and so can
say whether a connection survived.
"""

import socket
import urllib.parse


class ReplyError(Exception):
    """An error reply of the server."""


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """Raises OSError when the connection is lost, ReplyError for an error reply."""

    def __init__(self, url, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self._socket.makefile("rb", buffering=1 << 18)
        self.command("AUTH", parts.username, parts.password)

    def command(self, *words):
        self._socket.sendall(encode(*words))
        return self._reply()

    def _reply(self):
        line = self._input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise ReplyError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            length = int(rest)
            if length < 0:
                return None
            data = self._input.read(length + 2)
            if len(data) != length + 2:
                raise ConnectionResetError("the server closed the connection")
            return data[:-2]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise ReplyError("unknown reply %r" % line[:40])
