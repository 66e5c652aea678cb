# SPDX-License-Identifier: Apache-2.0
"""Consuming: acks, requeue, redelivery, get, QoS, tags, cancel, exclusive and prioritised consumers (0-9-1 §3.1.8 on)."""

import pika
from pika import spec

from support import BrokerTest, newer_than_rabbitmq_310


class Acks(BrokerTest):
    def test_unacked_message_is_not_delivered_again_while_its_consumer_lives(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        self.get(channel, queue, auto_ack=False)
        other = self.channel()
        self.assertEqual(self.drain(other, queue), [])

    def test_acked_message_is_gone_and_unacked_come_back_in_order_and_redelivered(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(5))
        consumer = self.channel()
        got = self.consume(consumer, queue)
        self.wait_deliveries(consumer, got, 5)
        self.assertFalse(any(method.redelivered for method, _, _ in got))
        consumer.basic_ack(got.tags[1])
        consumer.connection.close()
        back = [self.get(channel, queue, auto_ack=False) for _ in range(4)]
        self.assertEqual([body for _, _, body in back], [b"0", b"2", b"3", b"4"])
        self.assertTrue(all(method.redelivered for method, _, _ in back))

    def test_ack_multiple_settles_up_to_its_tag(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(5))
        consumer = self.channel()
        got = self.consume(consumer, queue)
        self.wait_deliveries(consumer, got, 5)
        consumer.basic_ack(got.tags[2], multiple=True)
        consumer.connection.close()
        self.wait_count(channel, queue, 2)
        self.assertEqual(self.drain(channel, queue), ["3", "4"])

    def test_ack_of_tag_zero_with_multiple_settles_everything(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(5))
        consumer = self.channel()
        got = self.consume(consumer, queue)
        self.wait_deliveries(consumer, got, 5)
        consumer.basic_ack(0, multiple=True)
        consumer.connection.close()
        self.assertEqual(self.drain(channel, queue), [])

    def test_unknown_and_double_and_foreign_tags_are_406(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1, 2)

        def twice(c):
            method, _, _ = c.basic_get(queue)
            c.basic_ack(method.delivery_tag)
            c.basic_ack(method.delivery_tag)

        def tag_of_another_channel(c):
            method, _, _ = c.basic_get(queue)
            c.connection.channel().basic_ack(method.delivery_tag)
        for act in (lambda c: c.basic_ack(99), lambda c: c.basic_nack(99), lambda c: c.basic_reject(99),
                    lambda c: c.basic_ack(99, multiple=True), twice):
            self.channel_error(406, act, "unknown delivery tag")
        connection = self.connect()
        holder, stranger = connection.channel(), connection.channel()
        method, _, _ = holder.basic_get(queue)
        with self.closes_channel(406, "unknown delivery tag"):
            stranger.basic_ack(method.delivery_tag)
            self.wait_closed(stranger)
        self.assertTrue(holder.is_open)

    def test_delivery_tags_count_per_channel_from_one(self):
        connection = self.connect()
        first, second = self.channel(connection), self.channel(connection)
        queue = self.queue(first)
        self.publish(first, queue, *range(4))
        self.assertEqual([self.get(first, queue)[0].delivery_tag for _ in range(2)], [1, 2])
        self.assertEqual([self.get(second, queue)[0].delivery_tag for _ in range(2)], [1, 2])

    def test_auto_ack_settles_on_delivery(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        consumer = self.channel()
        self.wait_deliveries(consumer, self.consume(consumer, queue, auto_ack=True), 3)
        consumer.connection.close()
        self.assertEqual(self.drain(channel, queue), [])


class Requeue(BrokerTest):
    def test_nacked_message_goes_back_to_its_place_with_the_flag(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        method, _, _ = self.get(channel, queue, auto_ack=False)
        self.assertFalse(method.redelivered)
        channel.basic_nack(method.delivery_tag, requeue=True)
        back = [self.get(channel, queue) for _ in range(3)]
        self.assertEqual([(body, method.redelivered) for method, _, body in back],
                         [(b"0", True), (b"1", False), (b"2", False)])

    def test_nack_multiple_puts_all_back_in_order(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(6))
        tags = [self.get(channel, queue, auto_ack=False)[0].delivery_tag for _ in range(4)]
        channel.basic_nack(tags[3], multiple=True, requeue=True)
        self.assertEqual(self.drain(channel, queue), list("012345"))

    def test_nack_and_reject_without_requeue_drop(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        channel.basic_nack(self.get(channel, queue, auto_ack=False)[0].delivery_tag, requeue=False)
        channel.basic_reject(self.get(channel, queue, auto_ack=False)[0].delivery_tag, requeue=False)
        self.assertEqual(self.drain(channel, queue), ["2"])

    def test_reject_with_requeue_is_delivered_again(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        channel.basic_reject(self.get(channel, queue, auto_ack=False)[0].delivery_tag, requeue=True)
        method, _, body = self.get(channel, queue)
        self.assertEqual((body, method.redelivered), (b"x", True))

    def test_recover_gives_unacked_messages_of_the_channel_back(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        for _ in range(2):
            self.get(channel, queue, auto_ack=False)
        channel.basic_recover(requeue=True)
        back = [self.get(channel, queue) for _ in range(3)]
        self.assertEqual([(body, method.redelivered) for method, _, body in back],
                         [(b"0", True), (b"1", True), (b"2", False)])

    def test_recover_async_is_not_answered_but_works(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Get(queue=queue), 1)
        raw.expect(spec.Basic.GetOk)
        raw.send(spec.Basic.RecoverAsync(requeue=True), 1)
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        raw.expect(spec.Basic.QosOk)
        self.assertTrue(self.get(channel, queue)[0].redelivered)

    def test_closing_the_channel_gives_its_messages_back(self):
        connection = self.connect()
        channel = connection.channel()
        queue = self.queue(channel)
        keeper = self.channel()
        self.publish(keeper, queue, 1, 2)
        self.get(channel, queue, auto_ack=False)
        channel.close()
        self.wait_count(keeper, queue, 2)
        self.assertEqual([(body, method.redelivered) for method, _, body in (self.get(keeper, queue), self.get(keeper, queue))],
                         [(b"1", True), (b"2", False)])


class Get(BrokerTest):
    def test_empty_queue_answers_get_empty(self):
        channel = self.channel()
        self.assertEqual(channel.basic_get(self.queue(channel)), (None, None, None))

    def test_get_ok_tells_how_many_are_left(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        self.assertEqual([self.get(channel, queue)[0].message_count for _ in range(3)], [2, 1, 0])

    def test_get_takes_no_notice_of_prefetch(self):
        channel = self.channel()
        channel.basic_qos(prefetch_count=1)
        queue = self.queue(channel)
        self.publish(channel, queue, *range(3))
        for _ in range(3):
            self.get(channel, queue, auto_ack=False)


class Qos(BrokerTest):
    def prefetched(self, channel, got, number):
        """Exactly `number` deliveries have come."""
        self.wait_deliveries(channel, got, number)
        self.settle(channel)
        self.assertEqual(len(got), number)

    def test_prefetch_count_bounds_unacked_deliveries_of_a_consumer(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(20))
        channel.basic_qos(prefetch_count=3)
        got = self.consume(channel, queue)
        self.prefetched(channel, got, 3)
        channel.basic_ack(got.tags[0])
        self.prefetched(channel, got, 4)
        channel.basic_ack(got.tags[-1], multiple=True)
        self.prefetched(channel, got, 7)
        self.assertEqual(got.bodies, [str(number) for number in range(7)])

    def test_prefetch_is_per_consumer_and_set_when_the_consumer_starts(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.basic_qos(prefetch_count=2)
        first = self.consume(channel, queue)
        channel.basic_qos(prefetch_count=3)
        second = self.consume(channel, queue)
        self.publish(channel, queue, *range(20))
        self.wait_deliveries(channel, first, 2)
        self.prefetched(channel, second, 3)
        self.assertEqual(len(first), 2)

    def test_global_prefetch_is_shared_by_the_consumers_of_the_channel(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.basic_qos(prefetch_count=4, global_qos=True)
        first, second = self.consume(channel, queue), self.consume(channel, queue)
        self.publish(channel, queue, *range(20))
        self.wait(channel, lambda: len(first) + len(second) >= 4, "four deliveries")
        self.settle(channel)
        self.assertEqual(len(first) + len(second), 4)
        channel.basic_ack(0, multiple=True)
        self.wait(channel, lambda: len(first) + len(second) >= 8, "four more")
        self.settle(channel)
        self.assertEqual(len(first) + len(second), 8)

    def test_prefetch_zero_means_no_bound(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(500))
        channel.basic_qos(prefetch_count=0)
        self.wait_deliveries(channel, self.consume(channel, queue), 500)

    def test_auto_ack_consumer_is_not_bounded(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(50))
        channel.basic_qos(prefetch_count=1)
        self.wait_deliveries(channel, self.consume(channel, queue, auto_ack=True), 50)

    def test_nack_with_requeue_frees_the_slot(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        channel.basic_qos(prefetch_count=1)
        got = self.consume(channel, queue)
        for number in range(1, 6):
            self.wait_deliveries(channel, got, number)
            channel.basic_nack(got.tags[-1], requeue=True)
        self.wait_deliveries(channel, got, 6)

    def test_consumers_of_one_queue_share_it_round_robin(self):
        channel = self.channel()
        queue = self.queue(channel)
        consumers = [self.consume(channel, queue) for _ in range(4)]
        self.publish(channel, queue, *range(100))
        self.wait(channel, lambda: sum(map(len, consumers)) == 100, "100 deliveries")
        self.assertTrue(all(len(got) == 25 for got in consumers), [len(got) for got in consumers])
        self.assertEqual(sorted(int(body) for got in consumers for body in got.bodies), list(range(100)))


class Consumers(BrokerTest):
    def test_server_names_consumers_amq_ctag_and_deliver_tells_the_tag(self):
        raw = self.raw()
        raw.open_channel(1)
        channel = self.channel()
        queue = self.queue(channel)
        raw.send(spec.Basic.Consume(queue=queue), 1)
        tag = raw.expect(spec.Basic.ConsumeOk).consumer_tag
        self.assertTrue(tag.startswith("amq.ctag-"), tag)
        self.publish(channel, queue, "x")
        self.assertEqual(raw.expect(spec.Basic.Deliver).consumer_tag, tag)

    def test_tag_in_use_on_the_channel_is_530(self):
        queue = self.queue(self.channel())
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Consume(queue=queue, consumer_tag="same"), 1)
        raw.expect(spec.Basic.ConsumeOk)
        raw.send(spec.Basic.Consume(queue=queue, consumer_tag="same"), 1)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 530)

    def test_same_tag_on_two_channels_is_allowed(self):
        connection = self.connect()
        queue = self.queue(connection.channel())
        for _ in range(2):
            self.consume(connection.channel(), queue, consumer_tag="same")

    def test_cancelled_consumer_gets_nothing_more_and_keeps_its_unacked(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, 1)
        got = self.consume(channel, queue)
        self.wait_deliveries(channel, got, 1)
        channel.basic_cancel(got.tag)
        self.publish(channel, queue, 2)
        self.settle(channel)
        self.assertEqual((len(got), self.count(channel, queue), self.consumers(channel, queue)), (1, 1, 0))
        channel.basic_ack(got.tags[0])
        self.assertEqual(self.drain(channel, queue), ["2"])

    def test_cancel_of_an_unknown_tag_is_answered(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Cancel(consumer_tag="never was"), 1)
        self.assertEqual(raw.expect(spec.Basic.CancelOk).consumer_tag, "never was")

    def test_deleting_the_queue_cancels_its_consumers_at_the_client(self):
        queue = self.queue(self.channel())
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Consume(queue=queue, consumer_tag="mine"), 1)
        raw.expect(spec.Basic.ConsumeOk)
        self.channel().queue_delete(queue)
        self.assertEqual(raw.expect(spec.Basic.Cancel).consumer_tag, "mine")

    def test_client_without_that_capability_is_not_told(self):
        queue = self.queue(self.channel())
        raw = self.raw(capabilities={})
        raw.open_channel(1)
        raw.send(spec.Basic.Consume(queue=queue), 1)
        raw.expect(spec.Basic.ConsumeOk)
        self.channel().queue_delete(queue)
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        _, method = raw.receive()
        self.assertIsInstance(method, spec.Basic.QosOk)

    def test_exclusive_consumer_keeps_others_out_and_is_kept_out_by_others_403(self):
        channel = self.channel()
        queue = self.queue(channel)
        got = self.consume(channel, queue, exclusive=True)
        for exclusive in (False, True):
            self.channel_error(403, lambda c, e=exclusive: c.basic_consume(queue, lambda *_: None, exclusive=e))
        channel.basic_cancel(got.tag)
        self.consume(channel, queue)
        self.channel_error(403, lambda c: c.basic_consume(queue, lambda *_: None, exclusive=True))

    def test_higher_priority_consumer_is_served_first_until_it_is_full(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.basic_qos(prefetch_count=3)
        low = self.consume(channel, queue, arguments={"x-priority": -1})
        usual = self.consume(channel, queue)
        high = self.consume(channel, queue, arguments={"x-priority": 10})
        self.publish(channel, queue, *range(7))
        self.wait(channel, lambda: len(low) + len(usual) + len(high) == 7, "seven deliveries")
        self.assertEqual((high.bodies, usual.bodies, low.bodies), (["0", "1", "2"], ["3", "4", "5"], ["6"]))

    def test_consumer_priority_of_the_wrong_type_is_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.basic_consume(queue, lambda *_: None, arguments={"x-priority": "high"}))

    def test_single_active_consumer_gets_all_and_the_next_takes_over(self):
        setup = self.channel()
        for kind in ("classic", "quorum"):
            with self.subTest(queue_type=kind):
                queue = self.queue(setup, kind, arguments={"x-single-active-consumer": True, "x-queue-type": kind})
                first, second = self.channel(), self.channel()
                got_first, got_second = self.consume(first, queue), self.consume(second, queue)
                self.publish(setup, queue, *range(10))
                self.wait_deliveries(first, got_first, 10)
                self.settle(second)
                self.assertEqual(len(got_second), 0)
                first.basic_ack(got_first.tags[7], multiple=True)
                first.connection.close()
                self.wait_deliveries(second, got_second, 2)
                self.publish(setup, queue, "after")
                self.wait_deliveries(second, got_second, 3)
                self.assertEqual(got_second.bodies, ["8", "9", "after"])

    @newer_than_rabbitmq_310("there a quorum queue's single active consumer stays whatever the priorities")
    def test_single_active_consumer_of_a_quorum_queue_gives_way_to_a_higher_priority_when_it_has_settled(self):
        setup, first, second = self.channel(), self.channel(), self.channel()
        queue = self.queue(setup, arguments={"x-single-active-consumer": True, "x-queue-type": "quorum"})
        got_first = self.consume(first, queue)
        self.publish(setup, queue, "a")
        self.wait_deliveries(first, got_first, 1)
        got_second = self.consume(second, queue, arguments={"x-priority": 1})
        self.publish(setup, queue, "b")
        self.settle(first)
        self.settle(second)
        self.assertEqual((got_first.bodies, got_second.bodies), (["a"], []))
        first.basic_ack(got_first.tags[0])
        first.connection.process_data_events(0)
        self.wait_deliveries(second, got_second, 1)
        self.assertEqual((got_first.bodies, got_second.bodies), (["a"], ["b"]))

    def test_single_active_consumer_of_a_classic_queue_stays_whatever_the_priorities(self):
        setup, first, second = self.channel(), self.channel(), self.channel()
        queue = self.queue(setup, arguments={"x-single-active-consumer": True})
        got_first = self.consume(first, queue)
        got_second = self.consume(second, queue, arguments={"x-priority": 1})
        self.publish(setup, queue, "a")
        self.wait_deliveries(first, got_first, 1)
        self.assertEqual(got_second.bodies, [])

    def test_exclusive_consumer_on_a_single_active_consumer_queue_is_403(self):
        queue = self.queue(self.channel(), arguments={"x-single-active-consumer": True})
        self.channel_error(403, lambda c: c.basic_consume(queue, lambda *_: None, exclusive=True))

    def test_no_local_is_accepted_and_ignored(self):
        connection = self.connect()
        channel = self.channel(connection)
        queue = self.queue(channel)
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Consume(queue=queue, no_local=True, no_ack=True), 1)
        raw.expect(spec.Basic.ConsumeOk)
        raw.publish(1, spec.Basic.Publish(exchange="", routing_key=queue), pika.BasicProperties(), b"own")
        raw.expect(spec.Basic.Deliver)

    def test_message_stays_with_the_ready_ones_when_the_only_consumer_has_no_room(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.basic_qos(prefetch_count=1)
        got = self.consume(channel, queue)
        self.publish(channel, queue, 1, 2, 3)
        self.wait_deliveries(channel, got, 1)
        self.assertEqual(self.count(self.channel(), queue), 2)
