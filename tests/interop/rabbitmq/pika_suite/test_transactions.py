# SPDX-License-Identifier: Apache-2.0
"""The tx class (0-9-1 §3.1.9 and RabbitMQ's semantics)."""

from support import BrokerTest


class Transactions(BrokerTest):
    def begin(self):
        channel = self.channel(confirm=False)
        channel.tx_select()
        return channel

    def test_publishes_appear_on_commit_only(self):
        looker, channel = self.channel(), self.begin()
        queue = self.queue(looker)
        self.publish(channel, queue, 1, 2)
        self.settle(channel)
        self.assertEqual(self.count(looker, queue), 0)
        channel.tx_commit()
        self.assertEqual(self.drain(looker, queue), ["1", "2"])

    def test_rollback_forgets_publishes(self):
        looker, channel = self.channel(), self.begin()
        queue = self.queue(looker)
        self.publish(channel, queue, "forgotten")
        channel.tx_rollback()
        self.publish(channel, queue, "kept")
        channel.tx_commit()
        self.assertEqual(self.drain(looker, queue), ["kept"])

    def test_acks_count_on_commit_only(self):
        looker = self.channel()
        queue = self.queue(looker)
        self.publish(looker, queue, 1, 2)
        channel = self.begin()
        channel.basic_ack(self.get(channel, queue, auto_ack=False)[0].delivery_tag)
        channel.tx_commit()
        channel.basic_ack(self.get(channel, queue, auto_ack=False)[0].delivery_tag)
        channel.connection.close()
        self.wait_count(looker, queue, 1)
        method, _, body = self.get(looker, queue)
        self.assertEqual((body, method.redelivered), (b"2", True))

    def test_rollback_takes_acks_back_without_redelivering_so_they_can_be_acked_again(self):
        looker = self.channel()
        queue = self.queue(looker)
        self.publish(looker, queue, 1)
        channel = self.begin()
        tag = self.get(channel, queue, auto_ack=False)[0].delivery_tag
        channel.basic_ack(tag)
        channel.tx_rollback()
        self.assertEqual(self.count(looker, queue), 0)
        channel.basic_ack(tag)
        channel.tx_commit()
        channel.connection.close()
        self.assertEqual(self.drain(looker, queue), [])

    def test_nack_with_requeue_counts_on_commit(self):
        looker = self.channel()
        queue = self.queue(looker)
        self.publish(looker, queue, 1)
        channel = self.begin()
        channel.basic_nack(self.get(channel, queue, auto_ack=False)[0].delivery_tag, requeue=True)
        self.settle(channel)
        self.assertEqual(self.count(looker, queue), 0)
        channel.tx_commit()
        self.wait_count(looker, queue, 1)

    def test_closing_the_channel_without_commit_forgets(self):
        looker, channel = self.channel(), self.begin()
        queue = self.queue(looker)
        self.publish(channel, queue, "forgotten")
        channel.close()
        self.assertEqual(self.drain(looker, queue), [])

    def test_commit_and_rollback_without_select_are_406(self):
        self.channel_error(406, lambda c: c.tx_commit())
        self.channel_error(406, lambda c: c.tx_rollback())

    def test_select_twice_is_answered(self):
        self.begin().tx_select()

    def test_mandatory_return_comes_at_commit(self):
        channel = self.begin()
        returned = []
        channel.add_on_return_callback(lambda *arguments: returned.append(arguments))
        channel.basic_publish("amq.direct", self.name("nowhere"), b"x", mandatory=True)
        channel.tx_commit()
        self.wait(channel, lambda: returned, "the return")

    def test_commit_of_a_big_transaction_keeps_the_order(self):
        looker, channel = self.channel(), self.begin()
        queue = self.queue(looker)
        self.publish(channel, queue, *range(2000))
        channel.tx_commit()
        self.assertEqual(self.drain(looker, queue), [str(number) for number in range(2000)])
