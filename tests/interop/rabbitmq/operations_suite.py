# SPDX-License-Identifier: Apache-2.0
"""What an operator sets up, seen by pika: alarms, TLS with certificates, policies. Each test starts its own Fantail."""

import itertools
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "support"), os.path.join(HERE, "pika_suite")]

import line_result  # noqa: E402
import pika  # noqa: E402
import wire  # noqa: E402
from server import FantailServer  # noqa: E402

WAIT_S = 20


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Certificates:
    """An authority, a server's certificate for 127.0.0.1 and a client's for the name `guest`, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=test authority", "-keyout", self.at("ca.key"), "-out", self.at("ca.pem"))
        self.issue("server", "localhost", "subjectAltName=IP:127.0.0.1")
        self.issue("client", "guest", "extendedKeyUsage=clientAuth")

    def at(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, common_name, extension):
        with open(self.at("ext"), "w", encoding="ascii") as file:
            file.write(extension + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={common_name}",
                "-keyout", self.at(f"{name}.key"), "-out", self.at(f"{name}.csr"))
        openssl("x509", "-req", "-in", self.at(f"{name}.csr"), "-CA", self.at("ca.pem"), "-CAkey", self.at("ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", self.at("ext"), "-out", self.at(f"{name}.pem"))

    def client_context(self, with_certificate):
        context = ssl.create_default_context(cafile=self.at("ca.pem"))
        if with_certificate:
            context.load_cert_chain(self.at("client.pem"), self.at("client.key"))
        return context


class Operations(unittest.TestCase):
    def serve(self, *arguments):
        server = FantailServer(arguments=arguments)
        self.addCleanup(server.remove)
        server.start()
        return server

    def connect(self, server, closes=True, **parameters):
        """`closes`: at the end of the test; a blocked connection's close would wait for the end of the alarm."""
        host, port = server.endpoints[parameters.pop("listener", "amqp")].rsplit(":", 1)
        connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), **parameters))
        if closes:
            self.addCleanup(lambda: connection.is_open and connection.close())
        return connection

    @staticmethod
    def admin(server, method, path, body=None):
        request = urllib.request.Request(f"http://{server.http}{path}", method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status

    def test_an_alarm_blocks_whoever_publishes_and_nobody_else(self):
        server = self.serve("--set", "storage.disk_free_min=1125899906842624")
        reasons = []
        publisher = self.connect(server, closes=False)
        publisher.add_on_connection_blocked_callback(lambda _connection, frame: reasons.append(frame.method.reason))
        channel = publisher.channel()
        channel.queue_declare("q")
        deadline = time.monotonic() + WAIT_S
        while not reasons and time.monotonic() < deadline:
            channel.basic_publish("", "q", b"x")
            publisher.process_data_events(0.2)
        self.assertTrue(reasons, "not told")
        self.assertIn("disk", reasons[0])
        before = self.connect(server).channel().queue_declare("q", passive=True).method.message_count
        for _ in range(100):
            channel.basic_publish("", "q", b"held")
        publisher.process_data_events(0.5)
        other = self.connect(server).channel()
        self.assertEqual(other.queue_declare("q", passive=True).method.message_count, before, "published during the alarm")
        got = 0
        while other.basic_get("q", auto_ack=True)[0]:
            got += 1
        self.assertEqual(got, before, "consumers go on")

    def test_a_crowd_of_bad_logins_holds_up_nobody_on_its_core(self):
        crowd_size, patience_s = 100, 0.5
        # The crowd's hashes take seconds, and on a busy machine longer than clients usually get to log in.
        server = self.serve("--set", "broker.cores=1", "--set", "amqp.handshake_timeout_ms=60000")
        self.admin(server, "PUT", "/api/users/slow", {"password": "a password that is hashed slowly"})
        channel = self.connect(server).channel()
        channel.confirm_delivery()
        channel.queue_declare("q")
        host, port = server.endpoints["amqp"].rsplit(":", 1)
        crowd = [wire.RawConnection(pika.ConnectionParameters(host, int(port))) for _ in range(crowd_size)]
        for each in crowd:
            self.addCleanup(each.close)
            each.begin()
        for number, each in enumerate(crowd):
            each.start_ok(user="slow", password=f"wrong {number}")
        delays = []
        until = time.monotonic() + 1
        while time.monotonic() < until:
            begun = time.monotonic()
            channel.basic_publish("", "q", b"x")
            delays.append(time.monotonic() - begun)
        self.assertLess(max(delays), patience_s, "the hashes of the crowd take about two seconds")
        for each in crowd:
            self.assertEqual(each.expect(pika.spec.Connection.Close).reply_code, 403)

    def test_more_logins_than_can_wait_are_told_to_come_again(self):
        # The crowd's hashes take seconds, and on a busy machine longer than clients usually get to log in.
        server = self.serve("--set", "broker.cores=1", "--set", "amqp.handshake_timeout_ms=60000")
        self.admin(server, "PUT", "/api/users/slow", {"password": "a password that is hashed slowly"})
        host, port = server.endpoints["amqp"].rsplit(":", 1)
        crowd = [wire.RawConnection(pika.ConnectionParameters(host, int(port))) for _ in range(400)]
        for each in crowd:
            self.addCleanup(each.close)
            each.begin()
        for number, each in enumerate(crowd):
            each.start_ok(user="slow", password=f"wrong {number}")
        codes = [each.expect(pika.spec.Connection.Close).reply_code for each in crowd]
        self.assertEqual(set(codes), {403, 506})
        self.assertGreater(codes.count(403), 256)
        self.connect(server).channel().queue_declare("q")

    def tls_server(self, certificates, *arguments):
        return self.serve("--listen", "amqps=127.0.0.1:0", "--set", f"tls.certificate={certificates.at('server.pem')}",
                          "--set", f"tls.key={certificates.at('server.key')}", *arguments)

    def test_tls_with_a_password(self):
        with tempfile.TemporaryDirectory() as folder:
            certificates = Certificates(folder)
            server = self.tls_server(certificates)
            options = pika.SSLOptions(certificates.client_context(False), "127.0.0.1")
            channel = self.connect(server, listener="amqps", ssl_options=options).channel()
            channel.confirm_delivery()
            channel.queue_declare("q")
            body = os.urandom(300_000)
            channel.basic_publish("", "q", body)
            self.assertEqual(channel.basic_get("q", auto_ack=True)[2], body)

    def test_a_certificate_is_a_login(self):
        with tempfile.TemporaryDirectory() as folder:
            certificates = Certificates(folder)
            server = self.tls_server(certificates, "--set", f"tls.client_ca={certificates.at('ca.pem')}",
                                     "--set", "tls.require_client_certificate=true")
            options = pika.SSLOptions(certificates.client_context(True), "127.0.0.1")
            channel = self.connect(server, listener="amqps", ssl_options=options,
                                   credentials=pika.credentials.ExternalCredentials()).channel()
            channel.queue_declare("q", exclusive=True)
            nobody = pika.SSLOptions(certificates.client_context(False), "127.0.0.1")
            with self.assertRaises(pika.exceptions.AMQPError):
                self.connect(server, listener="amqps", ssl_options=nobody)

    def test_topic_permissions_limit_the_keys_of_a_user(self):
        server = self.serve()
        self.admin(server, "PUT", "/api/users/al.ice", {"password": "secret"})
        self.admin(server, "PUT", "/api/permissions/%2F/al.ice", {"configure": ".*", "write": ".*", "read": ".*"})
        rules = "/api/topic-permissions/%2F/al.ice"
        self.admin(server, "PUT", rules, {"exchange": "amq.topic", "write": "^{username}\\.", "read": "^{username}\\."})
        connection = self.connect(server, credentials=pika.PlainCredentials("al.ice", "secret"))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("q")
        channel.queue_bind("q", "amq.topic", "al.ice.*")
        channel.basic_publish("amq.topic", "al.ice.news", b"mine")
        channel.basic_publish("amq.fanout", "anything", b"no topic exchange")
        self.assertEqual(channel.basic_get("q", auto_ack=True)[2], b"mine")
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.queue_bind("q", "amq.topic", "#")
        self.assertEqual(refused.exception.reply_code, 403)
        channel = connection.channel()
        channel.confirm_delivery()
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as refused:
            channel.basic_publish("amq.topic", "al-ice.news", b"a dot in a name is a dot")
        self.assertEqual(refused.exception.reply_code, 403)
        self.assertIn("topic 'al-ice.news' in exchange 'amq.topic'", refused.exception.reply_text)
        self.admin(server, "DELETE", rules + "/amq.topic")
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("amq.topic", "elsewhere", b"free again")

    def test_a_policy_changes_queues_that_exist(self):
        server = self.serve()
        channel = self.connect(server).channel()
        channel.confirm_delivery()
        channel.queue_declare("short")
        channel.queue_declare("dead")
        definition = {"max-length": 2, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}
        policy = {"pattern": "^short$", "definition": definition, "apply-to": "queues"}
        self.assertEqual(self.admin(server, "PUT", "/api/policies/%2F/limit", policy), 201)
        for number in range(5):
            channel.basic_publish("", "short", str(number).encode())
        self.assertEqual(channel.queue_declare("short", passive=True).method.message_count, 2)
        dead = itertools.islice(channel.consume("dead", auto_ack=True, inactivity_timeout=WAIT_S), 3)
        self.assertEqual([body for _method, _properties, body in dead], [b"0", b"1", b"2"])
        channel.cancel()
        self.admin(server, "DELETE", "/api/policies/%2F/limit")
        for number in range(5):
            channel.basic_publish("", "short", b"more")
        self.assertEqual(channel.queue_declare("short", passive=True).method.message_count, 7)


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])))
