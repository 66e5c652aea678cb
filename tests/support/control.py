# SPDX-License-Identifier: Apache-2.0
"""Lets a test program of any language restart the server that the runner started.

The runner owns the process; a suite runs `$FANTAIL_INTEROP_CONTROL kill-restart` (or `restart`),
which returns when the server accepts again on the same port.
"""

import os
import socket
import sys
import tempfile
import threading
import traceback


class ControlServer:
    """Answers one-line commands on a Unix socket by acting on `server`.

    `actions` adds commands: functions by their first word, called with the words behind it.
    """

    def __init__(self, server, actions=None):
        self._actions = {"kill-restart": lambda: server.restart(kill=True), "restart": server.restart,
                         "stop": server.stop, "start": server.start, **(actions or {})}
        self._dir = tempfile.TemporaryDirectory(prefix="fantail-control-")
        self.path = os.path.join(self._dir.name, "control")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def command(self):
        """The shell words that a suite puts before `kill-restart`."""
        return f"{sys.executable} {os.path.abspath(__file__)} {self.path}"

    def _serve(self):
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                peer.sendall(self._act(peer.makefile().readline().strip()).encode())

    def _act(self, command):
        try:
            name, *words = command.split()
            self._actions[name](*words)
            return "ok"
        except Exception:  # pylint: disable=broad-except - the suite shows it as its own failure
            return traceback.format_exc()

    def close(self):
        self._socket.close()
        self._dir.cleanup()


def main():
    path, *command = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        peer.sendall(" ".join(command).encode() + b"\n")
        answer = peer.makefile().read()
    if answer != "ok":
        sys.exit(answer or "the runner ended")


if __name__ == "__main__":
    main()
