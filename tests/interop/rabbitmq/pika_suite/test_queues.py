# SPDX-License-Identifier: Apache-2.0
"""Declaring, deleting and purging queues, and their arguments (0-9-1 §3.2, RabbitMQ's queue arguments)."""

import pika

from support import BrokerTest, newer_than_rabbitmq_310, poll


class Declaring(BrokerTest):
    def test_declare_ok_tells_name_and_counts(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1, 2, 3)
        other = self.channel()
        self.consume(other, queue, auto_ack=False)
        other.basic_qos(prefetch_count=1)
        answer = channel.queue_declare(queue, durable=True).method
        self.assertEqual((answer.queue, answer.consumer_count), (queue, 1))
        empty = self.queue(channel, "empty")
        self.assertEqual(channel.queue_declare(empty, passive=True).method.message_count, 0)
        self.publish(channel, empty, 1, 2)
        self.assertEqual(channel.queue_declare(empty, passive=True).method.message_count, 2)

    def test_message_count_leaves_out_unacked_messages(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1, 2, 3)
        self.get(channel, queue, auto_ack=False)
        self.assertEqual(self.count(channel, queue), 2)

    def test_server_named_queues_are_distinct_and_start_with_amq_gen(self):
        channel = self.channel()
        names = [channel.queue_declare("", exclusive=True).method.queue for _ in range(3)]
        self.assertEqual(len(set(names)), 3)
        self.assertTrue(all(name.startswith("amq.gen-") for name in names), names)

    def test_empty_name_means_the_last_declared_queue(self):
        channel = self.channel()
        name = channel.queue_declare("", exclusive=True).method.queue
        self.publish(channel, name, "x")
        self.assertEqual(channel.basic_get("", auto_ack=True)[2], b"x")
        self.assertEqual(channel.queue_purge("").method.message_count, 0)

    def test_passive_declaration_of_a_missing_queue_is_404(self):
        self.channel_error(404, lambda channel: channel.queue_declare(self.name(), passive=True), "no queue")

    def test_reserved_name_is_403(self):
        self.channel_error(403, lambda channel: channel.queue_declare("amq.mine"), "amq.")

    def test_redeclaration_that_differs_is_406(self):
        queue = self.queue(self.channel(), durable=True, arguments={"x-message-ttl": 60000})
        for flags in ({"durable": False, "arguments": {"x-message-ttl": 60000}},
                      {"durable": True, "auto_delete": True, "arguments": {"x-message-ttl": 60000}},
                      {"durable": True, "arguments": {"x-message-ttl": 60001}},
                      {"durable": True, "arguments": {"x-message-ttl": 60000, "x-max-length": 1}},
                      {"durable": True}):
            with self.subTest(**flags):
                self.channel_error(406, lambda c, f=flags: c.queue_declare(queue, **f), "inequivalent arg")

    def test_redeclaration_with_another_integer_type_of_equal_value_is_equivalent(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length": 1 << 20})
        raw = self.raw()
        raw.open_channel(1)
        table = b"\x0cx-max-lengthl" + (1 << 20).to_bytes(8, "big")
        raw.send_frame(1, 1, b"\0\x32\0\x0a\0\0" + bytes([len(queue)]) + queue.encode() + b"\x02"
                       + len(table).to_bytes(4, "big") + table)
        raw.expect(pika.spec.Queue.DeclareOk)

    def test_bad_values_of_arguments_are_406(self):
        for arguments in ({"x-message-ttl": -1}, {"x-message-ttl": "soon"}, {"x-expires": 0}, {"x-expires": -5},
                          {"x-max-length": -1}, {"x-max-length": "many"}, {"x-max-length-bytes": -1},
                          {"x-dead-letter-exchange": 5}, {"x-dead-letter-routing-key": "k"},
                          {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": 7},
                          {"x-max-priority": -1}, {"x-max-priority": 256}, {"x-overflow": "explode"},
                          {"x-queue-type": "no-such-type"}, {"x-queue-type": 5}, {"x-single-active-consumer": "yes"}):
            with self.subTest(**arguments):
                def declare(channel, arguments=arguments):
                    channel.queue_declare(self.name("bad"), durable=True, arguments=arguments)
                    self.forget_later(self.name("bad"))
                self.channel_error(406, declare)

    def test_unknown_arguments_are_kept_and_compared_or_ignored_but_never_refused(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"my-own": "note", "nested": {"a": [1, 2]}})
        channel.queue_declare(queue, durable=True, arguments={"my-own": "note", "nested": {"a": [1, 2]}})

    def test_transient_shared_queue_is_accepted_as_old_clients_need(self):
        channel = self.channel()
        queue = self.queue(channel, durable=False)
        self.publish(channel, queue, "x")
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_arguments_of_the_past_are_accepted_silently(self):
        channel = self.channel()
        for number, arguments in enumerate(({"x-queue-mode": "lazy"}, {"x-queue-mode": "default"}, {"x-queue-version": 2},
                                            {"x-ha-policy": "all"}, {"x-queue-master-locator": "min-masters"})):
            self.queue(channel, str(number), arguments=arguments)

    def test_nowait_declare_bind_and_delete_send_no_answer(self):
        raw = self.raw()
        raw.open_channel(1)
        name = self.name("nowait")
        raw.send(pika.spec.Queue.Declare(queue=name, durable=True, nowait=True), 1)
        raw.send(pika.spec.Queue.Bind(queue=name, exchange="amq.direct", routing_key=name, nowait=True), 1)
        raw.send(pika.spec.Basic.Consume(queue=name, consumer_tag="t", nowait=True), 1)
        raw.send(pika.spec.Basic.Cancel(consumer_tag="t", nowait=True), 1)
        raw.send(pika.spec.Queue.Purge(queue=name, nowait=True), 1)
        raw.send(pika.spec.Queue.Delete(queue=name, nowait=True), 1)
        raw.send(pika.spec.Queue.Declare(queue=name, passive=True), 1)
        _, method = raw.receive()
        self.assertIsInstance(method, pika.spec.Channel.Close)
        self.assertEqual(method.reply_code, 404)

    def test_thousand_queues_hold_their_own_messages(self):
        channel = self.channel(confirm=False)
        queues = [self.queue(channel, str(number)) for number in range(1000)]
        for queue in queues:
            self.publish(channel, queue, queue)
        for queue in queues:
            self.assertEqual(self.get(channel, queue)[2].decode(), queue)


class Exclusive(BrokerTest):
    def test_another_connection_gets_405_for_everything(self):
        owner = self.channel()
        name = self.name()
        owner.queue_declare(name, exclusive=True)
        for act in (lambda c: c.queue_declare(name, exclusive=True), lambda c: c.queue_declare(name, passive=True),
                    lambda c: c.basic_consume(name, lambda *_: None), lambda c: c.basic_get(name),
                    lambda c: c.queue_bind(name, "amq.direct", "k"), lambda c: c.queue_purge(name),
                    lambda c: c.queue_delete(name)):
            self.channel_error(405, act)

    def test_publishing_to_it_from_another_connection_is_allowed(self):
        owner, other = self.channel(), self.channel()
        name = owner.queue_declare("", exclusive=True).method.queue
        self.publish(other, name, "x")
        self.assertEqual(self.get(owner, name)[2], b"x")

    def test_it_goes_with_its_connection(self):
        owner = self.connect()
        name = self.name()
        owner.channel().queue_declare(name, exclusive=True)
        owner.close()
        self.channel_error(404, lambda c: c.queue_declare(name, passive=True))

    def test_it_stays_when_only_the_channel_closes(self):
        connection = self.connect()
        channel = connection.channel()
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.close()
        connection.channel().queue_declare(name, passive=True)


class AutoDelete(BrokerTest):
    def test_it_goes_with_its_last_consumer(self):
        channel = self.channel()
        queue = self.queue(channel, auto_delete=True)
        first, second = self.consume(channel, queue), self.consume(channel, queue)
        channel.basic_cancel(first.tag)
        channel.queue_declare(queue, passive=True)
        channel.basic_cancel(second.tag)
        self.channel_error(404, lambda c: c.queue_declare(queue, passive=True))

    def test_it_stays_while_it_never_had_a_consumer(self):
        channel = self.channel()
        queue = self.queue(channel, auto_delete=True)
        self.publish(channel, queue, "x")
        self.assertEqual(self.get(channel, queue)[2], b"x")
        self.assertEqual(self.count(channel, queue), 0)

    def test_it_goes_when_the_consumer_s_connection_breaks(self):
        channel = self.channel()
        queue = self.queue(channel, auto_delete=True)
        raw = self.raw()
        raw.open_channel(1)
        raw.send(pika.spec.Basic.Consume(queue=queue), 1)
        raw.expect(pika.spec.Basic.ConsumeOk)
        raw.close()

        def gone():
            probe = self.connect().channel()
            try:
                probe.queue_declare(queue, passive=True)
            except pika.exceptions.ChannelClosedByBroker as error:
                return error.reply_code == 404
            return False
        poll(gone, "the auto-delete queue to go")


class DeletingAndPurging(BrokerTest):
    def test_delete_tells_how_many_messages_went(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1, 2, 3)
        self.assertEqual(channel.queue_delete(queue).method.message_count, 3)

    def test_delete_of_a_missing_queue_succeeds_with_zero(self):
        self.assertEqual(self.channel().queue_delete(self.name("never")).method.message_count, 0)

    def test_delete_if_empty_of_a_filled_queue_and_if_unused_of_a_used_one_are_406(self):
        channel = self.channel()
        filled, used = self.queue(channel, "filled"), self.queue(channel, "used")
        self.publish(channel, filled, "x")
        self.consume(channel, used)
        self.channel_error(406, lambda c: c.queue_delete(filled, if_empty=True), "not empty")
        self.channel_error(406, lambda c: c.queue_delete(used, if_unused=True), "in use")

    def test_purge_removes_ready_messages_only(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1, 2, 3)
        method, _, _ = self.get(channel, queue, auto_ack=False)
        self.assertEqual(channel.queue_purge(queue).method.message_count, 2)
        channel.basic_nack(method.delivery_tag, requeue=True)
        self.assertEqual(self.get(channel, queue)[2], b"1")

    def test_purge_and_get_and_consume_of_a_missing_queue_are_404(self):
        for act in (lambda c: c.queue_purge(self.name()), lambda c: c.basic_get(self.name()),
                    lambda c: c.basic_consume(self.name(), lambda *_: None)):
            self.channel_error(404, act)

    def test_deleted_queue_declared_again_is_empty_and_unbound(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.queue_bind(queue, "amq.direct", queue)
        self.publish(channel, queue, 1, 2)
        channel.queue_delete(queue)
        channel.queue_declare(queue, durable=True)
        self.publish(channel, queue, "unroutable", exchange="amq.direct")
        self.assertEqual(self.count(channel, queue), 0)


class Expiry(BrokerTest):
    def test_unused_queue_expires(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-expires": 300})

        def gone():
            probe = self.connect().channel()
            try:
                probe.queue_declare(self.name("spare probe"), exclusive=True)
                probe.basic_publish("", queue, b"", mandatory=False)
                probe.confirm_delivery()
                probe.basic_publish("", queue, b"", mandatory=True)
            except pika.exceptions.UnroutableError:
                return True
            finally:
                probe.connection.close()
            return False
        poll(gone, "the queue to expire")

    def test_consumer_keeps_the_queue_alive(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-expires": 300})
        self.consume(channel, queue)
        fence = self.queue(channel, "fence", arguments={"x-message-ttl": 900, "x-dead-letter-exchange": "",
                                                        "x-dead-letter-routing-key": self.name("late")})
        late = self.queue(channel, "late")
        self.publish(channel, fence, "0.9 s later")
        self.get(channel, late)
        channel.queue_declare(queue, passive=True)


class Lengths(BrokerTest):
    def test_max_length_drops_the_oldest(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length": 3})
        self.publish(channel, queue, *range(6))
        self.assertEqual(self.drain(channel, queue), ["3", "4", "5"])

    def test_max_length_zero_keeps_nothing_without_a_consumer(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length": 0})
        self.publish(channel, queue, "x")
        self.assertEqual(self.drain(channel, queue), [])

    def test_max_length_bytes_counts_bodies(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length-bytes": 100})
        self.publish(channel, queue, *[bytes([65 + number]) * 40 for number in range(4)])
        self.assertEqual([body[0] for body in self.drain(channel, queue)], ["C", "D"])

    def test_reject_publish_nacks_what_does_not_fit(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
        refused = 0
        for number in range(10):
            try:
                self.publish(channel, queue, number)
            except pika.exceptions.NackError:
                refused += 1
        self.assertEqual((refused, self.drain(channel, queue)), (8, ["0", "1"]))
        self.publish(channel, queue, "room again")
        self.assertEqual(self.drain(channel, queue), ["room again"])

    def test_reject_publish_dlx_nacks_and_dead_letters(self):
        channel = self.channel()
        dead = self.queue(channel, "dead")
        queue = self.queue(channel, arguments={"x-max-length": 1, "x-overflow": "reject-publish-dlx",
                                               "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
        self.publish(channel, queue, "fits")
        with self.assertRaises(pika.exceptions.NackError):
            self.publish(channel, queue, "does not")
        _, properties, body = self.get(channel, dead)
        self.assertEqual((body, properties.headers["x-death"][0]["reason"]), (b"does not", "maxlen"))

    def test_unacked_messages_do_not_count_towards_max_length(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-length": 2})
        self.publish(channel, queue, "held")
        method, _, _ = self.get(channel, queue, auto_ack=False)
        self.publish(channel, queue, 1, 2)
        self.assertEqual(self.count(channel, queue), 2)
        channel.basic_ack(method.delivery_tag)
        self.assertEqual(self.drain(channel, queue), ["1", "2"])


class Priorities(BrokerTest):
    def test_higher_priority_first_and_fifo_within_one(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-priority": 10})
        for body, priority in (("a1", 1), ("b5", 5), ("c1", 1), ("d10", 10), ("e5", 5), ("f none", None)):
            self.publish(channel, queue, body, priority=priority)
        self.assertEqual(self.drain(channel, queue), ["d10", "b5", "e5", "a1", "c1", "f none"])

    def test_priority_above_the_maximum_counts_as_the_maximum(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-priority": 3})
        self.publish(channel, queue, "three", priority=3)
        self.publish(channel, queue, "two hundred", priority=200)
        self.publish(channel, queue, "two", priority=2)
        self.assertEqual(self.drain(channel, queue), ["three", "two hundred", "two"])

    def test_without_maximum_a_classic_queue_ignores_priorities(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "low", priority=1)
        self.publish(channel, queue, "high", priority=9)
        self.assertEqual(self.drain(channel, queue), ["low", "high"])

    def test_requeued_message_keeps_its_priority(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-max-priority": 5})
        self.publish(channel, queue, "five", priority=5)
        self.publish(channel, queue, "one", priority=1)
        method, _, _ = self.get(channel, queue, auto_ack=False)
        channel.basic_nack(method.delivery_tag)
        self.assertEqual(self.drain(channel, queue), ["five", "one"])

    @newer_than_rabbitmq_310("quorum queues have priorities since 4.0, 32 strict levels since 4.3")
    def test_quorum_queue_has_strict_priorities_undeclared(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-queue-type": "quorum"})
        for priority in (0, 9, 31, 4):
            self.publish(channel, queue, priority, priority=priority)
        self.assertEqual(self.drain(channel, queue), ["31", "9", "4", "0"])
