# SPDX-License-Identifier: Apache-2.0
"""aio-pika (asyncio) against the server: topology, confirms, returns, dead letters, TTL, tx, QoS, robust reconnect."""

import asyncio
import contextlib
import logging
import os
import shlex
import sys
import unittest
import uuid

import aio_pika
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika import exceptions as errors

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

URI = os.environ["FANTAIL_INTEROP_URI"]
CONTROL = os.environ.get("FANTAIL_INTEROP_CONTROL", "")
TIMEOUT_S = 20


class AioPika(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.connection = await aio_pika.connect(URI, timeout=TIMEOUT_S)
        self.channel = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
        self.prefix = f"t.aio.{uuid.uuid4().hex[:8]}"
        self.queues = []
        self.exchanges = []

    async def asyncTearDown(self):
        with contextlib.suppress(Exception):  # a test may have restarted the server under it
            await self.connection.close()
        async with await aio_pika.connect(URI, timeout=TIMEOUT_S) as last:
            channel = await last.channel()
            for name in self.queues:
                await channel.queue_delete(name)
            for name in self.exchanges:
                await channel.exchange_delete(name)

    async def queue(self, suffix="q", **options):
        name = f"{self.prefix}.{suffix}"
        self.queues.append(name)
        return await self.channel.declare_queue(name, durable=True, **options)

    async def exchange(self, kind, suffix="e", **options):
        name = f"{self.prefix}.{suffix}"
        self.exchanges.append(name)
        return await self.channel.declare_exchange(name, kind, **options)

    async def publish(self, key, *bodies, exchange=None, mandatory=True, **properties):
        for body in bodies:
            await (exchange or self.channel.default_exchange).publish(
                Message(str(body).encode(), **properties), key, mandatory=mandatory, timeout=TIMEOUT_S)

    async def next(self, queue, no_ack=True):
        """The next message, waiting for it."""
        for _ in range(TIMEOUT_S * 100):
            message = await queue.get(no_ack=no_ack, fail=False)
            if message is not None:
                return message
            await asyncio.sleep(0.01)
        raise AssertionError(f"no message in {queue.name}")

    async def drain(self, queue):
        bodies = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            bodies.append(message.body.decode())
        return bodies

    async def test_all_exchange_types_route(self):
        for kind, key, binding, arguments, headers in (
                (ExchangeType.DIRECT, "k", "k", None, {}), (ExchangeType.FANOUT, "any", "", None, {}),
                (ExchangeType.TOPIC, "a.b.c", "a.#", None, {}), (ExchangeType.HEADERS, "", "", {"x-match": "any", "h": "v"}, {"h": "v"}),
                (ExchangeType.X_CONSISTENT_HASH, "any", "1", None, {})):
            with self.subTest(kind=kind.value):
                exchange, queue = await self.exchange(kind, kind.value), await self.queue(kind.value)
                await queue.bind(exchange, binding, arguments=arguments)
                await self.publish(key, "x", exchange=exchange, headers=headers)
                self.assertEqual((await self.next(queue)).body, b"x")

    async def test_exchange_to_exchange_and_alternate_exchange(self):
        source, target = await self.exchange("fanout", "source"), await self.exchange("fanout", "target")
        queue = await self.queue()
        await target.bind(source)
        await queue.bind(target)
        lost = await self.exchange("direct", "lost", arguments={"alternate-exchange": source.name})
        await self.publish("nowhere", "x", exchange=lost)
        self.assertEqual((await self.next(queue)).body, b"x")

    async def test_confirms_of_thousand_concurrent_publishes(self):
        queue = await self.queue()
        await asyncio.gather(*(self.publish(queue.name, number, delivery_mode=DeliveryMode.PERSISTENT) for number in range(1000)))
        self.assertEqual((await self.channel.declare_queue(queue.name, passive=True)).declaration_result.message_count, 1000)

    async def test_unroutable_mandatory_raises(self):
        with self.assertRaises(errors.PublishError):
            await self.publish(self.prefix + ".nowhere", "x")

    async def test_refused_publish_raises(self):
        queue = await self.queue(arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        await self.publish(queue.name, "fits")
        with self.assertRaises(errors.DeliveryError):
            await self.publish(queue.name, "does not")

    async def test_nack_requeues_and_reject_dead_letters_with_x_death(self):
        dead = await self.queue("dead")
        queue = await self.queue(arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name})
        await self.publish(queue.name, "x")
        message = await self.next(queue, no_ack=False)
        await message.nack(requeue=True)
        message = await self.next(queue, no_ack=False)
        self.assertTrue(message.redelivered)
        await message.reject(requeue=False)
        death = (await self.next(dead)).headers["x-death"][0]
        self.assertEqual((death["queue"], death["reason"], death["count"]), (queue.name, "rejected", 1))

    async def test_ttl_of_message_and_queue(self):
        dead = await self.queue("dead")
        letter = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name}
        one, two = await self.queue("1", arguments=letter), await self.queue("2", arguments={**letter, "x-message-ttl": 100})
        await self.publish(one.name, "by message", expiration=0.1)
        self.assertEqual((await self.next(dead)).body, b"by message")
        await self.publish(two.name, "by queue")
        self.assertEqual((await self.next(dead)).body, b"by queue")

    async def test_priority_queue(self):
        queue = await self.queue(arguments={"x-max-priority": 5})
        for priority in (1, 5, 3):
            await self.publish(queue.name, priority, priority=priority)
        self.assertEqual(await self.drain(queue), ["5", "3", "1"])

    async def test_transaction_commits_and_rolls_back(self):
        queue = await self.queue()
        channel = await self.connection.channel(publisher_confirms=False)
        transaction = channel.transaction()
        await transaction.select()
        await channel.default_exchange.publish(Message(b"forgotten"), queue.name)
        await transaction.rollback()
        await channel.default_exchange.publish(Message(b"kept"), queue.name)
        await transaction.commit()
        self.assertEqual(await self.drain(queue), ["kept"])

    async def test_qos_bounds_the_consumer_and_iteration_consumes_in_order(self):
        queue = await self.queue()
        await self.publish(queue.name, *range(50))
        channel = await self.connection.channel()
        await channel.set_qos(prefetch_count=5)
        got = []
        consuming = await channel.get_queue(queue.name)
        async with consuming.iterator() as messages:
            async for message in messages:
                async with message.process():
                    got.append(int(message.body))
                if len(got) == 50:
                    break
        self.assertEqual(got, list(range(50)))

    async def test_get_of_an_empty_queue(self):
        queue = await self.queue()
        with self.assertRaises(errors.QueueEmpty):
            await queue.get()

    async def test_properties_headers_and_large_body(self):
        queue = await self.queue()
        body = os.urandom(3_000_000)
        await self.channel.default_exchange.publish(
            Message(body, headers={"text": "ключ", "number": 7, "list": [1, "a"], "table": {"k": True}}, content_type="a/b",
                    correlation_id="c", reply_to="r", message_id="m", app_id="a", type="t", priority=3), queue.name)
        got = await self.next(queue)
        self.assertEqual((got.body, got.headers["number"], got.content_type, got.correlation_id, got.reply_to, got.message_id,
                          got.app_id, got.type, got.priority), (body, 7, "a/b", "c", "r", "m", "a", "t", 3))
        self.assertEqual((got.headers["list"], got.headers["table"]), ([1, "a"], {"k": True}))

    async def test_errors_are_exceptions_of_their_code(self):
        with self.assertRaises(errors.ChannelNotFoundEntity):
            await (await self.connection.channel()).declare_queue(self.prefix + ".missing", passive=True)
        queue = await self.queue()
        with self.assertRaises(errors.ChannelPreconditionFailed):
            await (await self.connection.channel()).declare_queue(queue.name, durable=False)
        with self.assertRaises(errors.ProbableAuthenticationError):
            await aio_pika.connect(URI.replace("guest:guest@", "guest:wrong@"), timeout=TIMEOUT_S)

    @unittest.skipIf(not CONTROL, "the runner did not start the server, so it cannot restart it")
    async def test_robust_connection_reconnects_after_kill_9_and_goes_on_consuming(self):
        robust = await aio_pika.connect_robust(URI, timeout=TIMEOUT_S, reconnect_interval=0.2)
        channel = await robust.channel()
        queue = await channel.declare_queue(f"{self.prefix}.robust", durable=True)
        self.queues.append(queue.name)
        got = asyncio.Queue()

        async def on_message(message):
            await message.ack()
            await got.put(message.body)
        await queue.consume(on_message)
        await self.publish(queue.name, "before", delivery_mode=DeliveryMode.PERSISTENT)
        self.assertEqual(await asyncio.wait_for(got.get(), TIMEOUT_S), b"before")
        restart = await asyncio.create_subprocess_exec(*shlex.split(CONTROL), "kill-restart")
        self.assertEqual(await restart.wait(), 0)
        again = await aio_pika.connect(URI, timeout=TIMEOUT_S)
        await (await again.channel()).default_exchange.publish(Message(b"after"), queue.name)
        while await asyncio.wait_for(got.get(), TIMEOUT_S) != b"after":
            pass  # the ack of "before" need not have reached the disk
        await again.close()
        await robust.close()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # aiormq tells of every lost connection
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])))
