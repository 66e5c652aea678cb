# SPDX-License-Identifier: Apache-2.0
"""What the ends of a lane were told, life by life, and whether it fits together.

Promises: a message that was told to be durable is given to a program; one given once more is marked as redelivered; a number stands for
one message for ever; numbers are given in order to each life of a receiver, but for those it wanted again; the messages of a sender's life
keep their order.
"""


class Broken(Exception):
    """A promise is broken; the text says which."""


class LaneLedger:
    def __init__(self):
        self.durable = {}   # a sender's life: up to which of its messages all are durable
        self.bodies = {}    # a number: (life, message)
        self.numbers = {}   # the reverse
        self.given = 0

    def told_durable(self, life, message):
        self.durable[life] = max(message, self.durable.get(life, 0))

    def new_receiver(self):
        """Answers what takes its lines, `12* 3.4`, in order."""
        return _Receiver(self)

    def check(self):
        """Everything is acknowledged: nothing durable may be missing."""
        for life, last in sorted(self.durable.items()):
            for message in range(1, last + 1):
                if (life, message) not in self.numbers:
                    raise Broken(f"message {life}.{message} was durable and never given")
        order = sorted(self.bodies.items())
        for (number, body), (after, following) in zip(order, order[1:]):
            if following[0] < body[0] or (following[0] == body[0] and following[1] <= body[1]):
                raise Broken(f"number {number} is {body}, and {after} is {following}")
        return sum(self.durable.values())


class _Receiver:
    def __init__(self, ledger):
        self.ledger = ledger
        self.last = 0

    def take(self, line):
        word, _, text = line.partition(" ")
        number, is_marked = int(word.rstrip("*")), word.endswith("*")
        life, _, message = text.partition(".")
        body = (int(life), int(message))
        ledger = self.ledger
        ledger.given += 1
        if ledger.bodies.setdefault(number, body) != body:
            raise Broken(f"number {number} was {ledger.bodies[number]} and is {body}")
        if ledger.numbers.get(body, number) != number:
            raise Broken(f"{body} was number {ledger.numbers[body]} and is {number}")
        if body in ledger.numbers and not is_marked:
            raise Broken(f"number {number} is given once more without a mark")
        if number > self.last + 1 and self.last > 0:
            raise Broken(f"number {number} follows {self.last}")
        if number <= self.last and not is_marked:
            raise Broken(f"number {number} follows {self.last} without a mark")
        ledger.numbers[body] = number
        self.last = number
