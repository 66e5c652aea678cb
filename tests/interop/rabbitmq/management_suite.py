# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ's management API and the command line against a real Fantail, with pika at the other end."""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "support"), os.path.join(HERE, "pika_suite")]

import line_result  # noqa: E402
import pika  # noqa: E402
from server import FantailServer  # noqa: E402

WAIT_S = 20
# Of the password "guest", as RabbitMQ 3.10 exports it.
RABBITMQ_HASH = "6uKG1RR+H8vZnQGL1l0iK7YFLIJoe/WwBuIATcnwu/qqowWO"


class Management(unittest.TestCase):
    def setUp(self):
        self.server = FantailServer()
        self.addCleanup(self.server.remove)
        self.server.start()

    def ask(self, method, path, body=None, login="guest:guest"):
        """The status and the decoded answer."""
        request = urllib.request.Request(f"http://{self.server.http}/api{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def channel(self, **parameters):
        host, port = self.server.endpoints["amqp"].rsplit(":", 1)
        connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), **parameters))
        self.addCleanup(lambda: connection.is_open and connection.close())
        return connection.channel()

    def fantail(self, *words, **options):
        environment = {**os.environ, "FANTAIL_ADMIN": f"http://guest:guest@{self.server.http}", "FANTAIL_URI": self.server.uri}
        return subprocess.run([self.server.binary, *words], capture_output=True, text=True, timeout=WAIT_S, env=environment,
                              check=False, **options)

    def test_what_is_made_over_http_serves_amqp_and_the_other_way_round(self):
        self.assertEqual(self.ask("PUT", "/exchanges/%2F/events", {"type": "topic"})[0], 201)
        self.assertEqual(self.ask("PUT", "/exchanges/%2F/events", {"type": "topic"})[0], 204)
        status, answer = self.ask("PUT", "/exchanges/%2F/events", {"type": "fanout"})
        self.assertEqual((status, answer["error"]), (400, "bad_request"))
        self.assertIn("inequivalent arg 'type' for exchange 'events' in vhost '/'", answer["reason"])
        self.assertEqual(self.ask("PUT", "/queues/%2F/q", {"arguments": {"x-queue-type": "quorum"}})[0], 201)
        self.assertEqual(self.ask("POST", "/bindings/%2F/e/events/q/q", {"routing_key": "a.#"})[0], 201)
        message = {"properties": {"delivery_mode": 2, "headers": {"h": 1}}, "routing_key": "a.b", "payload": "hello",
                   "payload_encoding": "string"}
        self.assertEqual(self.ask("POST", "/exchanges/%2F/events/publish", message), (200, {"routed": True}))
        self.assertEqual(self.ask("POST", "/exchanges/%2F/events/publish", {**message, "routing_key": "b"}), (200, {"routed": False}))
        channel = self.channel()
        method, properties, body = channel.basic_get("q", auto_ack=True)
        self.assertEqual((body, method.exchange, properties.headers), (b"hello", "events", {"h": 1}))
        channel.basic_publish("events", "a.c", b"\xff", pika.BasicProperties(message_id="m"))
        get = {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}
        first = self.ask("POST", "/queues/%2F/q/get", get)[1]
        self.assertEqual([(row["payload"], row["payload_encoding"], row["redelivered"], row["properties"]["message_id"])
                          for row in first], [("/w==", "base64", False, "m")])
        again = self.ask("POST", "/queues/%2F/q/get", {**get, "ackmode": "ack_requeue_false"})[1]
        self.assertEqual([row["redelivered"] for row in again], [True])
        self.assertEqual(self.ask("POST", "/queues/%2F/q/get", get), (200, []))
        key = self.ask("GET", "/queues/%2F/q/bindings")[1][0]["properties_key"]
        self.assertEqual(self.ask("DELETE", f"/bindings/%2F/e/events/q/q/{urllib.request.quote(key, safe='')}")[0], 204)
        self.assertEqual(self.ask("GET", "/bindings/%2F/e/events/q/q"), (200, []))
        self.assertEqual(self.ask("DELETE", "/queues/%2F/q")[0], 204)
        self.assertEqual(self.ask("DELETE", "/queues/%2F/q")[0], 404)

    def test_the_broker_shows_its_connections_channels_and_consumers(self):
        channel = self.channel(client_properties={"connection_name": "watched"})
        channel.queue_declare("q")
        channel.basic_qos(prefetch_count=7)
        channel.basic_consume("q", lambda *_: None, consumer_tag="tag")
        consumers = self.ask("GET", "/consumers")[1]
        self.assertEqual([(row["consumer_tag"], row["queue"]["name"], row["prefetch_count"], row["ack_required"])
                          for row in consumers], [("tag", "q", 7, True)])
        self.assertEqual([row["consumer_count"] for row in self.ask("GET", "/channels")[1]], [1])
        names = {row["user_provided_name"]: row["name"] for row in self.ask("GET", "/connections")[1]}
        overview = self.ask("GET", "/overview")[1]
        self.assertEqual((overview["object_totals"]["consumers"], overview["object_totals"]["channels"]), (1, 1))
        self.assertEqual(self.ask("GET", "/nodes")[1][0]["running"], True)
        port = self.server.endpoints["amqp"].rsplit(":", 1)[1]
        self.assertEqual(self.ask("GET", f"/health/checks/port-listener/{port}")[0], 200)
        self.assertEqual(self.ask("DELETE", "/connections/" + urllib.request.quote(names["watched"], safe=""))[0], 204)
        with self.assertRaises(pika.exceptions.AMQPError):
            channel.queue_declare("more")

    def test_definitions_move_from_one_broker_to_another(self):
        self.fantail("exchanges", "declare", "events", "--type", "topic")
        self.fantail("queues", "create", "q", "--argument", "x-max-length=5")
        self.fantail("bindings", "add", "events", "q", "--key", "k")
        self.ask("PUT", "/users/moved", {"password_hash": RABBITMQ_HASH, "tags": "monitoring"})
        self.ask("PUT", "/permissions/%2F/moved", {"configure": "", "write": "", "read": ".*"})
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "definitions.json")
            self.assertEqual(self.fantail("definitions", "export", file).returncode, 0)
            before = self.ask("GET", "/definitions")[1]
            self.server.remove()
            self.setUp()
            done = self.fantail("definitions", "import", file)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        after = self.ask("GET", "/definitions")[1]
        for section in ("queues", "exchanges", "bindings", "permissions", "vhosts"):
            self.assertEqual(after[section], before[section], section)
        self.assertEqual(self.ask("GET", "/whoami", login="moved:guest"), (200, {"name": "moved", "tags": ["monitoring"]}))
        self.channel(credentials=pika.PlainCredentials("moved", "guest")).basic_get("q")

    def test_an_empty_password_lets_nobody_in(self):
        self.assertEqual(self.ask("PUT", "/users/empty", {"password": "", "tags": "administrator"})[0], 400)
        self.assertEqual(self.ask("PUT", "/users/none", {"password_hash": "", "tags": "administrator"})[0], 201)
        self.ask("PUT", "/permissions/%2F/none", {"configure": ".*", "write": ".*", "read": ".*"})
        self.assertEqual(self.ask("GET", "/whoami", login="none:")[0], 401)
        with self.assertRaises(pika.exceptions.AMQPError):
            self.channel(credentials=pika.PlainCredentials("none", ""))

    def test_limits_are_set_one_at_a_time_and_bind_at_once(self):
        self.assertEqual(self.fantail("vhosts", "add", "shop", "--connections-max", "1", "--queues-max", "1").returncode, 0)
        self.assertEqual(self.fantail("vhosts", "add", "shop", "--queues-max", "2").returncode, 0)
        self.assertEqual(self.ask("GET", "/vhost-limits"),
                         (200, [{"vhost": "shop", "value": {"max-connections": 1, "max-queues": 2}}]))
        first = self.channel(virtual_host="shop")  # who made the vhost may enter it
        with self.assertRaisesRegex(pika.exceptions.ProbableAccessDeniedError, r"connection limit \(1\) is reached"):
            self.channel(virtual_host="shop")
        self.assertEqual(self.ask("DELETE", "/vhost-limits/shop/max-connections")[0], 204)
        self.assertTrue(self.channel(virtual_host="shop").is_open)
        self.assertEqual(self.ask("PUT", "/user-limits/guest/max-channels", {"value": 1})[0], 204)
        with self.assertRaisesRegex(pika.exceptions.AMQPError, "530"):
            first.connection.channel()
        self.assertEqual(self.ask("DELETE", "/user-limits/guest/max-channels")[0], 204)
        self.assertTrue(self.channel().connection.channel().is_open)

    def test_the_guides_example_of_the_command_line(self):
        self.assertEqual(self.fantail("queues", "declare", "greetings").returncode, 0)
        self.assertEqual(self.fantail("publish", "--queue", "greetings", "--persistent", "--confirm", input="hello\n").returncode, 0)
        self.assertEqual(self.fantail("consume", "--queue", "greetings").stdout, "hello\n")
        self.assertEqual(self.fantail("bindings", "add", "amq.topic", "greetings", "--key", "test.#").returncode, 0)
        sent = self.fantail("publish", "--exchange", "amq.topic", "--key", "test.load", "--size", "1024", "--count", "500")
        self.assertEqual((sent.returncode, self.ask("GET", "/queues/%2F/greetings")[1]["messages"]), (0, 500), sent.stderr)
        self.assertEqual(self.fantail("bindings", "delete", "amq.topic", "greetings", "--key", "test.#").returncode, 0)
        self.assertEqual(self.fantail("bindings", "delete", "amq.topic", "greetings", "--key", "test.#").returncode, 1)
        self.assertEqual(self.fantail("exchanges", "delete", "amq.topic").returncode, 1)

    def test_an_unknown_command_is_named_with_those_there_are(self):
        done = self.fantail("bogus")
        self.assertGreater(done.returncode, 100)
        self.assertIn("there is no command 'bogus'", done.stderr)
        self.assertIn("serve", done.stderr)

    def test_a_start_that_fails_leaves_no_directory(self):
        with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "data")
            done = self.fantail("serve", "--data-dir", data, "--listen", f"amqp=127.0.0.1:{taken.getsockname()[1]}",
                                "--listen", "http=127.0.0.1:0")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertFalse(os.path.exists(data))


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])))
