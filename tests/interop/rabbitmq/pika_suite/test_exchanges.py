# SPDX-License-Identifier: Apache-2.0
"""Exchanges, bindings and routing (0-9-1 §3.1, RabbitMQ's extensions)."""

import collections

import pika
from pika import exceptions

from support import BrokerTest, newer_than_rabbitmq_310


class Declaring(BrokerTest):
    def test_predeclared_exchanges_exist_with_their_types(self):
        channel = self.channel()
        for name, kind in (("amq.direct", "direct"), ("amq.fanout", "fanout"), ("amq.topic", "topic"),
                           ("amq.headers", "headers"), ("amq.match", "headers")):
            channel.exchange_declare(name, kind, durable=True)

    def test_equivalent_redeclaration_is_answered(self):
        channel = self.channel()
        name = self.exchange(channel, "topic", durable=True)
        channel.exchange_declare(name, "topic", durable=True)

    def test_redeclaration_with_other_type_durability_auto_delete_or_arguments_is_406(self):
        name = self.exchange(self.channel(), "topic", durable=True)
        for kind, flags in (("direct", {"durable": True}), ("topic", {"durable": False}),
                            ("topic", {"durable": True, "auto_delete": True}),
                            ("topic", {"durable": True, "internal": True}),
                            ("topic", {"durable": True, "arguments": {"alternate-exchange": "x"}})):
            with self.subTest(kind=kind, **flags):
                self.channel_error(406, lambda channel, k=kind, f=flags: channel.exchange_declare(name, k, **f),
                                   "inequivalent arg")

    def test_passive_declaration_of_a_missing_exchange_is_404(self):
        self.channel_error(404, lambda channel: channel.exchange_declare(self.name(), passive=True))

    def test_passive_declaration_ignores_type_and_flags(self):
        channel = self.channel()
        name = self.exchange(channel, "fanout", durable=True)
        channel.exchange_declare(name, "direct", passive=True, durable=False)

    def test_reserved_name_is_403(self):
        self.channel_error(403, lambda channel: channel.exchange_declare("amq.mine", "direct"), "amq.")

    def test_default_exchange_can_not_be_declared_deleted_or_bound_403(self):
        queue = self.queue(self.channel())
        for act in (lambda c: c.exchange_declare("", "direct"), lambda c: c.exchange_delete(""),
                    lambda c: c.queue_bind(queue, "", "key"), lambda c: c.queue_unbind(queue, "", queue)):
            self.channel_error(403, act)

    def test_deleting_a_predeclared_exchange_is_403(self):
        self.channel_error(403, lambda channel: channel.exchange_delete("amq.fanout"))

    def test_deleting_a_missing_exchange_succeeds(self):
        self.channel().exchange_delete(self.name("never was"))

    def test_deleting_a_used_exchange_with_if_unused_is_406(self):
        channel = self.channel()
        name = self.exchange(channel, "fanout")
        channel.queue_bind(self.queue(channel), name)
        self.channel_error(406, lambda c: c.exchange_delete(name, if_unused=True), "in use")

    def test_publish_to_a_missing_exchange_is_404(self):
        self.channel_error(404, lambda channel: channel.basic_publish(self.name(), "", b"x"), "no exchange")

    def test_auto_delete_exchange_goes_with_its_last_binding(self):
        channel = self.channel()
        name = self.exchange(channel, "fanout", auto_delete=True)
        first, second = self.queue(channel, "1"), self.queue(channel, "2")
        channel.queue_bind(first, name)
        channel.queue_bind(second, name)
        channel.queue_unbind(first, name)
        channel.exchange_declare(name, passive=True)
        channel.queue_delete(second)
        self.channel_error(404, lambda c: c.exchange_declare(name, passive=True))

    def test_internal_exchange_refuses_publishes_with_403_but_routes_from_its_source(self):
        channel = self.channel()
        inner = self.exchange(channel, "fanout", "inner", internal=True)
        outer = self.exchange(channel, "fanout", "outer")
        queue = self.queue(channel)
        channel.queue_bind(queue, inner)
        channel.exchange_bind(inner, outer)
        self.publish(channel, "", "x", exchange=outer)
        self.assertEqual(self.drain(channel, queue), ["x"])
        self.channel_error(403, lambda c: c.basic_publish(inner, "", b"x"))

    def test_line_ends_are_stripped_from_names(self):
        channel = self.channel()
        name = self.name()
        channel.exchange_declare(name + "\r\n", "fanout", auto_delete=True)
        channel.exchange_declare(name, passive=True)
        channel.exchange_delete(name)

    def test_unicode_names_of_exchange_queue_and_key(self):
        channel = self.channel()
        exchange = self.exchange(channel, "direct", "обмін-交換-🐇")
        queue = self.queue(channel, "черга-キュー-🥕")
        channel.queue_bind(queue, exchange, "ключ-鍵-🔑")
        self.publish(channel, "ключ-鍵-🔑", "x", exchange=exchange)
        method, _, _ = self.get(channel, queue)
        self.assertEqual((method.exchange, method.routing_key), (exchange, "ключ-鍵-🔑"))


class Binding(BrokerTest):
    def test_binding_what_is_missing_is_404(self):
        channel = self.channel()
        queue, exchange = self.queue(channel), self.exchange(channel, "direct")
        for act in (lambda c: c.queue_bind(self.name("no queue"), exchange, "k"),
                    lambda c: c.queue_bind(queue, self.name("no exchange"), "k"),
                    lambda c: c.exchange_bind(self.name("no exchange"), exchange, "k"),
                    lambda c: c.exchange_bind(exchange, self.name("no exchange"), "k")):
            self.channel_error(404, act)

    def test_same_binding_twice_delivers_once_and_unbinds_at_once(self):
        channel = self.channel()
        queue, exchange = self.queue(channel), self.exchange(channel, "direct")
        channel.queue_bind(queue, exchange, "k")
        channel.queue_bind(queue, exchange, "k")
        self.publish(channel, "k", "x", exchange=exchange)
        self.assertEqual(self.drain(channel, queue), ["x"])
        channel.queue_unbind(queue, exchange, "k")
        self.publish(channel, "k", "y", exchange=exchange)
        self.assertEqual(self.drain(channel, queue), [])

    def test_two_matching_bindings_of_one_queue_deliver_once(self):
        channel = self.channel()
        queue, exchange = self.queue(channel), self.exchange(channel, "topic")
        channel.queue_bind(queue, exchange, "a.*")
        channel.queue_bind(queue, exchange, "*.b")
        self.publish(channel, "a.b", "x", exchange=exchange)
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_unbinding_what_was_not_bound_succeeds(self):
        channel = self.channel()
        channel.queue_unbind(self.queue(channel), "amq.direct", "never bound")

    def test_empty_queue_and_key_mean_the_last_declared_queue(self):
        channel = self.channel()
        exchange = self.exchange(channel, "direct")
        queue = self.queue(channel)
        channel.queue_bind("", exchange)
        self.publish(channel, queue, "x", exchange=exchange)
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_exchange_to_exchange_bindings_route_on_their_keys_and_unbind(self):
        channel = self.channel()
        source, target = self.exchange(channel, "topic", "source"), self.exchange(channel, "direct", "target")
        queue = self.queue(channel)
        channel.exchange_bind(target, source, "a.#")
        channel.queue_bind(queue, target, "a.b")
        self.publish(channel, "a.b", "yes", exchange=source)
        self.publish(channel, "a.c", "no", exchange=source)
        self.assertEqual(self.drain(channel, queue), ["yes"])
        channel.exchange_unbind(target, source, "a.#")
        self.publish(channel, "a.b", "gone", exchange=source)
        self.assertEqual(self.drain(channel, queue), [])

    def test_cycle_of_exchanges_delivers_once(self):
        channel = self.channel()
        one, two = self.exchange(channel, "fanout", "1"), self.exchange(channel, "fanout", "2")
        queue = self.queue(channel)
        channel.exchange_bind(one, two)
        channel.exchange_bind(two, one)
        channel.queue_bind(queue, one)
        channel.queue_bind(queue, two)
        self.publish(channel, "", "x", exchange=one)
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_deleting_an_exchange_removes_its_bindings(self):
        channel = self.channel()
        exchange = self.exchange(channel, "fanout")
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange)
        channel.exchange_delete(exchange)
        channel.exchange_declare(exchange, "fanout")
        self.publish(channel, "", "x", exchange=exchange)
        self.assertEqual(self.drain(channel, queue), [])


class Routing(BrokerTest):
    def routes(self, kind, bindings, publishes, arguments=None):
        """Binds one queue a binding; `publishes` is [(key, headers, {names of queues that must get it})]."""
        channel = self.channel()
        exchange = self.exchange(channel, kind, arguments=arguments)
        queues = {}
        for name, key, arguments_ in bindings:
            if name not in queues:
                queues[name] = self.queue(channel, name)
            channel.queue_bind(queues[name], exchange, key, arguments_)
        for number, (key, headers, wanted) in enumerate(publishes):
            self.publish(channel, key, str(number), exchange=exchange, headers=headers)
            got = {name for name, queue in queues.items() if self.drain(channel, queue) == [str(number)]}
            self.assertEqual(got, set(wanted), f"publish {number}: key {key!r} headers {headers}")

    def test_direct_routes_on_the_exact_key(self):
        self.routes("direct", [("a", "red", None), ("b", "red", None), ("b", "blue", None), ("c", "", None)],
                    [("red", None, "ab"), ("blue", None, "b"), ("", None, "c"), ("Red", None, "")])

    def test_fanout_ignores_the_key(self):
        self.routes("fanout", [("a", "x", None), ("b", "", None)], [("anything", None, "ab"), ("", None, "ab")])

    def test_topic_star_is_one_word_and_hash_any_number(self):
        self.routes("topic",
                    [("a", "a.*.c", None), ("b", "a.#", None), ("c", "#", None), ("d", "*", None), ("e", "#.c", None),
                     ("f", "a.#.c", None), ("g", "*.*", None), ("h", "", None), ("i", "a..c", None), ("j", "#.#", None)],
                    [("a.b.c", None, "abcefj"), ("a.c", None, "bcefgj"), ("a", None, "bcdj"), ("", None, "chj"),
                     ("a..c", None, "abcefij"), ("b.c", None, "cegj"), ("a.b.x.c", None, "bcefj"), ("c", None, "cdej")])

    def test_headers_all_needs_every_pair_and_ignores_x_headers(self):
        self.routes("headers",
                    [("a", "", {"x-match": "all", "k": "v", "n": 1}), ("b", "", {"k": "v"}),
                     ("c", "", {"x-match": "all", "x-k": "v", "k": "v"}), ("d", "", {"x-match": "all"})],
                    [("", {"k": "v", "n": 1}, "abcd"), ("", {"k": "v"}, "bcd"), ("", {"k": "w"}, "d"), ("", None, "d"),
                     ("", {"k": "v", "n": 2, "more": True}, "bcd")])

    def test_headers_any_needs_one_pair_and_ignores_x_headers(self):
        self.routes("headers",
                    [("a", "", {"x-match": "any", "k": "v", "n": 1}), ("b", "", {"x-match": "any", "x-k": "v", "n": 1}),
                     ("c", "", {"x-match": "any"})],
                    [("", {"k": "v"}, "a"), ("", {"n": 1}, "ab"), ("", {"x-k": "v"}, ""), ("", {"k": "w"}, "")])

    def test_headers_all_with_x_and_any_with_x_match_x_headers_too(self):
        self.routes("headers",
                    [("a", "", {"x-match": "all-with-x", "x-k": "v", "n": 1}),
                     ("b", "", {"x-match": "any-with-x", "x-k": "v", "n": 1})],
                    [("", {"x-k": "v", "n": 1}, "ab"), ("", {"n": 1}, "b"), ("", {"x-k": "v"}, "b"), ("", {"x-k": "w"}, "")])

    def test_headers_without_value_match_on_presence(self):
        self.routes("headers", [("a", "", {"x-match": "all", "k": None})],
                    [("", {"k": "any value"}, "a"), ("", {"k": 7}, "a"), ("", {"other": 1}, "")])

    def test_unknown_x_match_is_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.queue_bind(queue, "amq.headers", "", {"x-match": "some"}))

    def test_default_exchange_routes_to_the_queue_of_that_name(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        method, _, body = self.get(channel, queue)
        self.assertEqual((method.exchange, method.routing_key, body), ("", queue, b"x"))

    def test_alternate_exchange_gets_what_the_first_can_not_route(self):
        channel = self.channel()
        spare = self.exchange(channel, "fanout", "spare")
        exchange = self.exchange(channel, "direct", arguments={"alternate-exchange": spare})
        first, rest = self.queue(channel, "first"), self.queue(channel, "rest")
        channel.queue_bind(first, exchange, "k")
        channel.queue_bind(rest, spare)
        self.publish(channel, "k", "1", exchange=exchange)
        channel.basic_publish(exchange, "other", b"2", mandatory=True)
        self.assertEqual((self.drain(channel, first), self.drain(channel, rest)), (["1"], ["2"]))
        method_key = self.name("key kept")
        self.publish(channel, method_key, "3", exchange=exchange)
        self.assertEqual(self.get(channel, rest)[0].routing_key, method_key)

    def test_mandatory_is_returned_when_the_alternate_can_not_route_either(self):
        channel = self.channel()
        spare = self.exchange(channel, "fanout", "spare")
        exchange = self.exchange(channel, "direct", arguments={"alternate-exchange": spare})
        with self.assertRaises(exceptions.UnroutableError):
            channel.basic_publish(exchange, "k", b"x", mandatory=True)

    def test_consistent_hash_sends_one_key_to_one_queue_and_uses_all_queues(self):
        channel = self.channel()
        exchange = self.exchange(channel, "x-consistent-hash")
        queues = [self.queue(channel, str(number)) for number in range(4)]
        for queue in queues:
            channel.queue_bind(queue, exchange, "10")
        seen = collections.defaultdict(set)
        for round_ in range(2):
            for key in range(100):
                self.publish(channel, f"key {key}", f"{key}", exchange=exchange)
            for queue in queues:
                for body in self.drain(channel, queue):
                    seen[body].add(queue)
        self.assertEqual(len(seen), 100)
        self.assertTrue(all(len(queues_) == 1 for queues_ in seen.values()), "one key must stay with one queue")
        self.assertEqual(set().union(*seen.values()), set(queues))

    def test_consistent_hash_on_a_header_and_on_a_property(self):
        for arguments, make in (({"hash-header": "h"}, lambda n: {"headers": {"h": f"value {n}"}}),
                                ({"hash-property": "message_id"}, lambda n: {"message_id": f"id {n}"})):
            with self.subTest(**arguments):
                channel = self.channel()
                suffix = list(arguments.values())[0]
                exchange = self.exchange(channel, "x-consistent-hash", suffix, arguments=arguments)
                queues = [self.queue(channel, f"{suffix}{number}") for number in range(2)]
                for queue in queues:
                    channel.queue_bind(queue, exchange, "20")
                for number in range(60):
                    for _ in range(2):
                        self.publish(channel, "same key", str(number), exchange=exchange, **make(number))
                bodies = [self.drain(channel, queue) for queue in queues]
                self.assertTrue(all(bodies), "both queues must get some")
                self.assertFalse(set(bodies[0]) & set(bodies[1]), "a value must stay with one queue")

    def test_random_exchange_gives_each_message_to_one_queue(self):
        channel = self.channel()
        exchange = self.exchange(channel, "x-random")
        queues = [self.queue(channel, str(number)) for number in range(3)]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for number in range(150):
            self.publish(channel, "", str(number), exchange=exchange)
        bodies = [self.drain(channel, queue) for queue in queues]
        self.assertEqual(sorted(int(body) for part in bodies for body in part), list(range(150)))
        self.assertTrue(all(bodies))

    def test_modulus_hash_sends_one_key_to_one_queue(self):
        channel = self.channel()
        exchange = self.exchange(channel, "x-modulus-hash")
        queues = [self.queue(channel, str(number)) for number in range(3)]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for _ in range(2):
            for key in range(60):
                self.publish(channel, f"key {key}", str(key), exchange=exchange)
        bodies = [self.drain(channel, queue) for queue in queues]
        self.assertEqual(sum(map(len, bodies)), 120)
        for first in range(3):
            for second in range(first):
                self.assertFalse(set(bodies[first]) & set(bodies[second]))

    @newer_than_rabbitmq_310("x-local-random came with 4.0")
    def test_local_random_gives_each_message_to_one_queue(self):
        channel = self.channel()
        exchange = self.exchange(channel, "x-local-random", durable=True)
        queues = [self.queue(channel, str(number)) for number in range(2)]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for number in range(40):
            self.publish(channel, "", str(number), exchange=exchange)
        self.assertEqual(sum(len(self.drain(channel, queue)) for queue in queues), 40)


class FanoutOfManyQueues(BrokerTest):
    def test_hundred_queues_each_get_every_message_in_order(self):
        channel = self.channel(confirm=False)
        exchange = self.exchange(channel, "fanout")
        queues = [self.queue(channel, str(number)) for number in range(100)]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for number in range(50):
            channel.basic_publish(exchange, "", str(number).encode(), pika.BasicProperties(delivery_mode=2))
        for queue in queues:
            self.wait_count(channel, queue, 50)
            self.assertEqual(self.drain(channel, queue), [str(number) for number in range(50)])


class RecentHistory(BrokerTest):
    """rabbitmq_recent_history_exchange; its system tests say the same."""

    def setUp(self):
        super().setUp()
        self.publisher = self.channel()
        try:
            probe = self.channel()
            probe.exchange_declare(self.name("probe"), "x-recent-history", auto_delete=True)
            probe.exchange_delete(self.name("probe"))
        except exceptions.AMQPError:
            self.skipTest("the server has not enabled the plugin")

    def bound(self, exchange, suffix="q"):
        queue = self.queue(self.publisher, suffix)
        self.publisher.queue_bind(queue, exchange)
        return queue

    def told(self, exchange, *bodies, **properties):
        self.publish(self.publisher, "", *bodies, exchange=exchange, **properties)

    def test_a_queue_bound_later_gets_the_last_twenty_messages(self):
        exchange = self.exchange(self.publisher, "x-recent-history")
        self.told(exchange, *range(100))
        queue = self.bound(exchange)
        self.wait_count(self.publisher, queue, 20)
        self.assertEqual(self.drain(self.publisher, queue), [str(n) for n in range(80, 100)])

    def test_the_length_can_be_chosen_and_zero_is_refused(self):
        exchange = self.exchange(self.publisher, "x-recent-history", arguments={"x-recent-history-length": 3})
        self.told(exchange, *range(10))
        queues = [self.bound(exchange, f"q{n}") for n in range(3)]
        for queue in queues:
            self.wait_count(self.publisher, queue, 3)
            self.assertEqual(self.drain(self.publisher, queue), ["7", "8", "9"])
        for wrong in (0, -30):
            with self.closes_channel(406):
                self.channel().exchange_declare(self.name("bad"), "x-recent-history",
                                                arguments={"x-recent-history-length": wrong})

    def test_messages_may_ask_not_to_be_kept(self):
        exchange = self.exchange(self.publisher, "x-recent-history")
        self.told(exchange, "kept")
        self.told(exchange, "passing", headers={"x-recent-history-no-store": True})
        queue = self.bound(exchange)
        self.wait_count(self.publisher, queue, 1)
        self.assertEqual(self.drain(self.publisher, queue), ["kept"])

    def test_bound_queues_get_each_message_once_and_new_ones_the_history(self):
        exchange = self.exchange(self.publisher, "x-recent-history")
        first = self.bound(exchange, "first")
        self.told(exchange, "a", "b")
        second = self.bound(exchange, "second")
        self.told(exchange, "c")
        for queue in (first, second):
            self.wait_count(self.publisher, queue, 3)
            self.assertEqual(self.drain(self.publisher, queue), ["a", "b", "c"])
        self.publisher.queue_bind(second, exchange)
        self.settle(self.publisher)
        self.assertEqual(self.drain(self.publisher, second), [], "that binding was there already")

    def test_a_message_that_reaches_no_queue_is_returned_and_kept(self):
        exchange = self.exchange(self.publisher, "x-recent-history")
        with self.assertRaises(exceptions.UnroutableError):
            self.publisher.basic_publish(exchange, "", b"x", mandatory=True)
        queue = self.bound(exchange)
        self.wait_count(self.publisher, queue, 1)

    def test_a_transaction_is_kept_when_it_is_committed(self):
        exchange = self.exchange(self.publisher, "x-recent-history")
        channel = self.channel(confirm=False)
        channel.tx_select()
        self.publish(channel, "", "rolled back", exchange=exchange)
        channel.tx_rollback()
        self.publish(channel, "", "committed", exchange=exchange)
        channel.tx_commit()
        queue = self.bound(exchange)
        self.wait_count(self.publisher, queue, 1)
        self.assertEqual(self.drain(self.publisher, queue), ["committed"])

    def test_what_comes_through_another_exchange_is_kept_too(self):
        source = self.exchange(self.publisher, "fanout", "source")
        exchange = self.exchange(self.publisher, "x-recent-history")
        self.publisher.exchange_bind(exchange, source)
        self.told(source, "x")
        queue = self.bound(exchange)
        self.wait_count(self.publisher, queue, 1)
