# SPDX-License-Identifier: Apache-2.0
"""The base class of the fault tests: a broker of its own, load whose books are kept, and waiting with a deadline."""

import json
import os
import sys
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from load import Consumer, Ledger, Publisher, pika, read_body, wire  # noqa: E402
from server import FantailServer  # noqa: E402
from shim import Shim  # noqa: E402
from waiting import DEADLINE_S, poll  # noqa: E402

SEED = os.environ.get("SEED", "1")


class FaultTest(unittest.TestCase):
    """Load is made by `publisher` and `consumer`; `verify` stops it and compares what is there with its books.

    A test that waits for a publisher to be told something keeps its `sizes` small: a window of large messages fills the
    socket, and who waits to send does not read.
    """

    def setUp(self):
        self.clients = []
        self.ledgers = []
        self.connections = []

    def serve(self, *arguments, **options):
        """A broker with one core, so that all it does meets the fault."""
        self.server = FantailServer(os.environ.get("FANTAIL"), arguments=["--set", "broker.cores=1", *arguments], **options)
        self.addCleanup(self._clean_up)
        return self.server.start()

    def serve_with_shim(self, *arguments):
        self.shim = Shim()
        self.addCleanup(self.shim.close)
        return self.serve(*arguments, environment=self.shim.environment)

    def _clean_up(self):
        if sys.exc_info()[0] or any(client.error for client in self.clients):
            print(self.server.stderr_tail(), file=sys.stderr)
        self.server.remove()
        for client in self.clients:
            client.join(DEADLINE_S)

    # Clients ----------------------------------------------------------------------------------

    def connect(self, **parameters):
        parameters.setdefault("socket_timeout", DEADLINE_S)
        parameters.setdefault("blocked_connection_timeout", DEADLINE_S)
        connection = pika.BlockingConnection(wire.parameters_of(self.server.uri, **parameters))
        self.connections.append(connection)
        return connection

    def confirming(self, **parameters):
        channel = self.connect(**parameters).channel()
        channel.confirm_delivery()
        return channel

    def raw(self, heartbeat=0):
        connection = wire.RawConnection(wire.parameters_of(self.server.uri), DEADLINE_S).handshake(heartbeat=heartbeat)
        self.addCleanup(connection.close)
        return connection

    def ledger(self, name="q"):
        ledger = Ledger(name)
        self.connect().channel().queue_declare(name, durable=True)
        self.ledgers.append(ledger)
        return ledger

    def publisher(self, ledger, **options):
        return self._client(Publisher, ledger, options)

    def consumer(self, ledger, **options):
        return self._client(Consumer, ledger, options)

    def _client(self, kind, ledger, options):
        name = f"{kind.__name__.lower()}{len(self.clients)}"
        client = kind(name, self.server.uri, ledger, f"{SEED}/{name}", **options)
        self.clients.append(client)
        client.start()
        return client

    def await_confirms(self, client, number, deadline_s=DEADLINE_S):
        """Waits for `number` confirms more than there are now."""
        wanted = client.confirms + number
        poll(lambda: client.confirms >= wanted or client.error or not client.is_alive(), f"{number} confirms", deadline_s)
        self.assertIsNone(client.error)
        self.assertTrue(client.is_alive() or client.confirms >= wanted, f"{client.name} has lost its connection")

    def end_clients(self):
        for client in self.clients:
            if client.is_alive():
                client.end()
            self.assertIsNone(client.error)

    def verify(self):
        """Reads every queue to a sentinel and compares; answers the figures (sent, confirmed, settled, there)."""
        self.end_clients()
        there = 0
        for ledger in self.ledgers:
            channel = self.confirming()
            found, _ = ledger.read_to_sentinel(channel)
            channel.connection.close()
            ledger.compare(found)
            there += len(found) - 1
        return *(sum(each) for each in zip(*(ledger.figures() for ledger in self.ledgers))), there

    # The administration port --------------------------------------------------------------------

    def status(self, path):
        request = urllib.request.Request(f"http://{self.server.http}{path}")
        request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def overview(self):
        return json.loads(self.status("/api/overview")[1])

    def say(self, text):
        """A figure for docs/guide/reliability.md."""
        print(f"   {self.id().removeprefix('__main__.')}: {text}", flush=True)
