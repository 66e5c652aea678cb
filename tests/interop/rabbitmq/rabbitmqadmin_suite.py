# SPDX-License-Identifier: Apache-2.0
"""rabbitmqadmin as a user types it: every subcommand, against a Fantail that it starts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "support")]

import line_result  # noqa: E402
from server import FantailServer  # noqa: E402

WAIT_S = 20
LISTS = ("connections", "channels", "consumers", "exchanges", "queues", "bindings", "users", "vhosts", "permissions", "nodes",
         "parameters", "policies", "operator_policies", "vhost_limits")


class Rabbitmqadmin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = FantailServer()
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def run_it(self, *words, **options):
        host, port = self.server.http.rsplit(":", 1)
        return subprocess.run([shutil.which("rabbitmqadmin"), "-H", host, "-P", port, *words], capture_output=True, text=True,
                              timeout=WAIT_S, check=False, **options)

    def do(self, *words, **options):
        done = self.run_it(*words, **options)
        self.assertEqual(done.returncode, 0, f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def rows(self, *words):
        return json.loads(self.do("-f", "raw_json", *words))

    def test_lists_and_shows_everything(self):
        for name in LISTS:
            with self.subTest(name):
                self.do("list", name)
        self.assertIn("rabbitmq_version", self.do("show", "overview"))

    def test_declares_and_deletes_everything(self):
        things = (("vhost", ("name=v",), ("name=v",)),
                  ("user", ("name=u", "password=p", "tags=monitoring"), ("name=u",)),
                  ("exchange", ("name=e", "type=topic"), ("name=e",)),
                  ("queue", ("name=d", "durable=true"), ("name=d",)),
                  ("policy", ("name=p", "pattern=^d", 'definition={"max-length":5}', "priority=3", "apply-to=queues"), ("name=p",)),
                  ("operator_policy", ("name=o", "pattern=^d", 'definition={"max-length":9}'), ("name=o",)),
                  ("vhost_limit", ("vhost=/", "name=max-queues", "value=500"), ("vhost=/", "name=max-queues")),
                  ("permission", ("vhost=/", "user=guest", "configure=.*", "write=.*", "read=.*"), None))
        for kind, made, removed in things:
            with self.subTest(kind):
                self.assertIn("declared", self.do("declare", kind, *made))
                if removed:
                    self.assertIn("deleted", self.do("delete", kind, *removed))

    def test_binds_and_unbinds(self):
        self.do("declare", "queue", "name=bound")
        self.do("declare", "binding", "source=amq.topic", "destination=bound", "routing_key=a.#")
        row = next(row for row in self.rows("list", "bindings") if row["routing_key"] == "a.#")
        self.do("delete", "binding", "source=amq.topic", "destination_type=queue", "destination=bound",
                f"properties_key={row['properties_key']}")

    def test_a_queue_is_of_the_type_that_was_asked_for(self):
        self.do("declare", "queue", "name=led", "queue_type=quorum")
        kinds = {row["name"]: row["type"] for row in self.rows("list", "queues", "name", "type")}
        self.assertEqual(kinds["led"], "quorum")

    def test_publishes_gets_and_purges(self):
        self.do("declare", "queue", "name=x")
        self.assertIn("Message published", self.do("publish", "routing_key=x", "payload=hi"))
        self.do("publish", "routing_key=x", 'properties={"delivery_mode":2}', input="from standard input")
        self.assertIn("hi", self.do("get", "queue=x", "ackmode=ack_requeue_false"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "payload")
            self.do("get", "queue=x", f"payload_file={path}")
            with open(path, encoding="utf-8") as payload:
                self.assertEqual(payload.read(), "from standard input")
        self.assertIn("purged", self.do("purge", "queue", "name=x"))
        self.assertIn("No items", self.do("get", "queue=x", "count=5"))

    def test_exports_and_imports(self):
        self.do("declare", "queue", "name=kept")
        with tempfile.TemporaryDirectory() as folder:
            for vhost in ((), ("-V", "/")):
                path = os.path.join(folder, "definitions.json")
                self.do(*vhost, "export", path)
                self.do("delete", "queue", "name=kept")
                self.do(*vhost, "import", path)
                self.assertIn("kept", [row["name"] for row in self.rows("list", "queues")])

    def test_a_connection_that_is_not_there_is_not_found(self):
        done = self.run_it("close", "connection", "name=none")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Not found", done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])))
