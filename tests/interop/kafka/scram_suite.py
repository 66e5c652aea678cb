# SPDX-License-Identifier: Apache-2.0
"""Logins by SCRAM with confluent-kafka (librdkafka) and kafka-python, and the requests that describe and alter credentials."""

import base64
import json
import logging
import os
import shlex
import subprocess
import sys
import time
import unittest
import urllib.request
import uuid

import kafka
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (AdminClient, NewTopic, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion,
                                   UserScramCredentialUpsertion)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
CONTROL = os.environ["FANTAIL_INTEROP_CONTROL"]
HTTP = os.environ["FANTAIL_INTEROP_HTTP"]
TIMEOUT_S = 30
MECHANISMS = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}


def put(path, **body):
    """Changes something over the administration port, as guest."""
    request = urllib.request.Request(f"http://{HTTP}/api/{path}", json.dumps(body).encode(), method="PUT", headers={
        "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(), "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=TIMEOUT_S).close()


class Scram(unittest.TestCase):
    def setUp(self):
        self.user = f"u,={uuid.uuid4().hex[:8]}"
        self.admin = AdminClient({"bootstrap.servers": BOOTSTRAP})

    def alter(self, *alterations):
        for future in self.admin.alter_user_scram_credentials(list(alterations)).values():
            future.result(TIMEOUT_S)

    def upsert(self, password, mechanism="SCRAM-SHA-256", iterations=4096):
        info = ScramCredentialInfo(MECHANISMS[mechanism], iterations)
        self.alter(UserScramCredentialUpsertion(self.user, info, password.encode()))

    def delete(self, mechanism="SCRAM-SHA-256"):
        self.alter(UserScramCredentialDeletion(self.user, MECHANISMS[mechanism]))

    def described(self):
        """The user's mechanisms with their rounds."""
        description = self.admin.describe_user_scram_credentials([self.user])[self.user].result(TIMEOUT_S)
        return {info.mechanism.name: info.iterations for info in description.scram_credential_infos}

    def error_code(self, call):
        with self.assertRaises(KafkaException) as caught:
            call()
        return caught.exception.args[0].code()

    def client(self, password, mechanism="SCRAM-SHA-256", **more):
        return {"bootstrap.servers": BOOTSTRAP, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
                "sasl.username": self.user, "sasl.password": password, "log_level": 0, **more}

    def logs_in(self, password, mechanism="SCRAM-SHA-256"):
        """Whether librdkafka gets in; it must hear of the refusal otherwise."""
        errors = []
        client = Producer(self.client(password, mechanism, error_cb=lambda error: errors.append(error.code())))
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                client.list_topics(timeout=0.5)
                return True
            except KafkaException:
                client.poll(0)
            if KafkaError._AUTHENTICATION in errors:  # pylint: disable=protected-access
                return False
        raise AssertionError(f"neither in nor refused: {errors}")

    def log_in_by_kafka_python(self, password, mechanism):
        kafka.KafkaAdminClient(bootstrap_servers=BOOTSTRAP, bootstrap_timeout_ms=3000, security_protocol="SASL_PLAINTEXT",
                               sasl_mechanism=mechanism, sasl_plain_username=self.user, sasl_plain_password=password).close()

    def kafka_python_is_refused(self, password, mechanism):
        """It tries again until its time is over."""
        with self.assertRaises(kafka.errors.KafkaTimeoutError):
            self.log_in_by_kafka_python(password, mechanism)

    # Logins -----------------------------------------------------------------------------------

    def test_who_has_a_credential_logs_in_by_it_alone(self):
        for mechanism in MECHANISMS:
            other = next(each for each in MECHANISMS if each != mechanism)
            self.upsert(f"pencil {mechanism}", mechanism)
            self.assertTrue(self.logs_in(f"pencil {mechanism}", mechanism))
            self.assertFalse(self.logs_in("pencil", mechanism))
            self.assertFalse(self.logs_in(f"pencil {mechanism}", other))
            self.delete(mechanism)

    def test_kafka_python_logs_in_too(self):
        self.user = self.user.replace(",=", "")  # which it does not escape
        for mechanism in MECHANISMS:
            self.upsert("pencil", mechanism, 8192)
            self.log_in_by_kafka_python("pencil", mechanism)
            self.kafka_python_is_refused("pencik", mechanism)

    def test_unknown_user_is_refused(self):
        for mechanism in MECHANISMS:
            self.assertFalse(self.logs_in("pencil", mechanism))

    def test_new_password_counts_and_the_old_one_no_longer(self):
        self.upsert("first")
        self.assertTrue(self.logs_in("first"))
        self.upsert("second", iterations=16384)
        self.assertFalse(self.logs_in("first"))
        self.assertTrue(self.logs_in("second"))

    def test_deleted_credential_is_refused(self):
        self.upsert("pencil")
        self.upsert("pencil", "SCRAM-SHA-512")
        self.delete()
        self.assertFalse(self.logs_in("pencil"))
        self.assertTrue(self.logs_in("pencil", "SCRAM-SHA-512"))

    def test_credential_outlives_kill_9(self):
        self.upsert("pencil")
        self.upsert("lead", "SCRAM-SHA-512", 5000)
        subprocess.run([*shlex.split(CONTROL), "kill-restart"], check=True)
        self.assertTrue(self.logs_in("pencil"))
        self.assertTrue(self.logs_in("lead", "SCRAM-SHA-512"))

    def test_password_set_here_is_good_for_both_mechanisms(self):
        self.user = self.user.replace(",=", "")
        put(f"users/{self.user}", password="pencil", tags="")
        for mechanism in MECHANISMS:
            self.assertTrue(self.logs_in("pencil", mechanism))
            self.assertFalse(self.logs_in("pencik", mechanism))
            self.log_in_by_kafka_python("pencil", mechanism)
        self.assertTrue(self.logs_in("pencil", "PLAIN"))
        self.delete()
        self.assertFalse(self.logs_in("pencil"))
        self.assertTrue(self.logs_in("pencil", "PLAIN"))
        put(f"users/{self.user}", password="lead", tags="")
        self.assertFalse(self.logs_in("pencil", "SCRAM-SHA-512"))
        self.assertTrue(self.logs_in("lead"))

    def test_user_made_by_an_upsertion_may_what_permissions_let_him(self):
        self.user = self.user.replace(",=", "")
        topic = f"t.scram.{self.user}"
        self.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_S)
        self.upsert("pencil")
        self.assertEqual(self.produced(topic), KafkaError.TOPIC_AUTHORIZATION_FAILED)
        put(f"permissions/%2f/{self.user}", configure="", write=".*", read=".*")
        self.assertIsNone(self.produced(topic))
        self.admin.delete_topics([topic])[topic].result(TIMEOUT_S)

    def produced(self, topic):
        """The error of a record that the user produces."""
        outcomes = []
        producer = Producer(self.client("pencil"))
        producer.produce(topic, b"x", on_delivery=lambda error, message: outcomes.append(error and error.code()))
        producer.flush(TIMEOUT_S)
        return outcomes[0]

    # Describing and altering ------------------------------------------------------------------

    def test_credentials_are_described(self):
        self.upsert("pencil", iterations=5000)
        self.assertEqual(self.described(), {"SCRAM_SHA_256": 5000})
        self.upsert("pencil", "SCRAM-SHA-512", 16384)
        self.assertEqual(self.described(), {"SCRAM_SHA_256": 5000, "SCRAM_SHA_512": 16384})
        everybody = self.admin.describe_user_scram_credentials().result(TIMEOUT_S)
        self.assertEqual(len(everybody[self.user].scram_credential_infos), 2)
        self.delete()
        self.assertEqual(self.described(), {"SCRAM_SHA_512": 16384})

    def test_unknown_user_is_not_found(self):
        self.assertEqual(self.error_code(self.described), KafkaError.RESOURCE_NOT_FOUND)
        self.assertEqual(self.error_code(self.delete), KafkaError.RESOURCE_NOT_FOUND)

    def test_too_few_and_too_many_rounds_are_unacceptable(self):
        for iterations in (4095, 16385):
            self.assertEqual(self.error_code(lambda: self.upsert("pencil", iterations=iterations)), KafkaError.UNACCEPTABLE_CREDENTIAL)

    def test_both_mechanisms_are_altered_in_one_request(self):
        infos = [ScramCredentialInfo(each, 4096) for each in MECHANISMS.values()]
        self.alter(*(UserScramCredentialUpsertion(self.user, info, b"pencil") for info in infos))
        self.assertTrue(self.logs_in("pencil") and self.logs_in("pencil", "SCRAM-SHA-512"))

    def test_same_credential_twice_in_one_request_is_a_duplicate(self):
        upsertion = UserScramCredentialUpsertion(self.user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"pencil")
        self.assertEqual(self.error_code(lambda: self.alter(upsertion, upsertion)), KafkaError.DUPLICATE_RESOURCE)
        self.assertEqual(self.error_code(self.described), KafkaError.RESOURCE_NOT_FOUND)

    def test_only_administrators_alter(self):
        self.upsert("pencil")
        self.admin = AdminClient(self.client("pencil"))
        self.assertEqual(self.error_code(lambda: self.upsert("lead")), KafkaError.CLUSTER_AUTHORIZATION_FAILED)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # kafka-python tells of each refusal
    sys.exit(line_result.run(unittest.TestLoader().loadTestsFromModule(sys.modules["__main__"])))
