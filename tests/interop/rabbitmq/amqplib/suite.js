// SPDX-License-Identifier: Apache-2.0
// amqplib (Node) against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `.
'use strict';

const amqp = require('amqplib');
const assert = require('assert');
const { execFileSync } = require('child_process');
const { randomBytes } = require('crypto');

const URI = process.env.FANTAIL_INTEROP_URI;
const CONTROL = process.env.FANTAIL_INTEROP_CONTROL || '';
const TIMEOUT_MS = 20000;

class Skipped extends Error {}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(step, what) {
  for (const deadline = Date.now() + TIMEOUT_MS; ;) {
    const value = await step();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(10);
  }
}

class Test {
  async setUp() {
    this.prefix = `t.node.${randomBytes(4).toString('hex')}`;
    this.queues = [];
    this.exchanges = [];
    this.connection = await amqp.connect(URI);
    this.connection.on('error', () => {});
    this.channel = await this.connection.createConfirmChannel();
    this.channel.on('error', () => {});
  }

  async tearDown() {
    await this.connection.close().catch(() => {});
    const last = await amqp.connect(URI);
    const channel = await last.createChannel();
    for (const name of this.queues) await channel.deleteQueue(name);
    for (const name of this.exchanges) await channel.deleteExchange(name);
    await last.close();
  }

  async queue(suffix = 'q', args = {}) {
    const name = `${this.prefix}.${suffix}`;
    this.queues.push(name);
    await this.channel.assertQueue(name, { durable: true, arguments: args });
    return name;
  }

  async exchange(type, suffix = 'e', options = {}) {
    const name = `${this.prefix}.${suffix}`;
    this.exchanges.push(name);
    await this.channel.assertExchange(name, type, { durable: false, ...options });
    return name;
  }

  async publish(queue, ...bodies) {
    for (const body of bodies) this.channel.sendToQueue(queue, Buffer.from(String(body)), { persistent: true });
    await this.channel.waitForConfirms();
  }

  next(queue, options = { noAck: true }) {
    return eventually(() => this.channel.get(queue, options), `a message in ${queue}`);
  }

  async drain(queue) {
    const bodies = [];
    for (let got; (got = await this.channel.get(queue, { noAck: true }));) bodies.push(got.content.toString());
    return bodies;
  }

  async channelError(code, action) {
    const channel = await this.connection.createChannel();
    const closed = new Promise((resolve) => channel.once('error', resolve));
    try { await action(channel); } catch (_) { /* told by the event */ }
    assert.strictEqual((await closed).code, code);
  }
}

const tests = {
  async 'declare tells counts, and the server names queues'(t) {
    const queue = await t.queue();
    await t.publish(queue, 1, 2);
    assert.strictEqual((await t.channel.checkQueue(queue)).messageCount, 2);
    assert.match((await t.channel.assertQueue('', { exclusive: true })).queue, /^amq\.gen-/);
  },

  async 'all exchange types route'(t) {
    for (const [type, key, binding, args, headers] of [
      ['direct', 'k', 'k', {}, {}], ['fanout', 'any', '', {}, {}], ['topic', 'a.b', '#.b', {}, {}],
      ['headers', '', '', { 'x-match': 'all', h: 'v' }, { h: 'v' }], ['x-consistent-hash', 'any', '1', {}, {}]]) {
      const exchange = await t.exchange(type, type);
      const queue = await t.queue(type);
      await t.channel.bindQueue(queue, exchange, binding, args);
      t.channel.publish(exchange, key, Buffer.from(type), { headers });
      assert.strictEqual((await t.next(queue)).content.toString(), type);
    }
  },

  async 'exchange to exchange and alternate exchange'(t) {
    const target = await t.exchange('fanout', 'target');
    const source = await t.exchange('fanout', 'source');
    const lost = await t.exchange('direct', 'lost', { alternateExchange: source });
    const queue = await t.queue();
    await t.channel.bindExchange(target, source, '');
    await t.channel.bindQueue(queue, target, '');
    t.channel.publish(lost, 'nowhere', Buffer.from('x'));
    assert.strictEqual((await t.next(queue)).content.toString(), 'x');
  },

  async 'thousand publishes are confirmed'(t) {
    const queue = await t.queue();
    await t.publish(queue, ...Array(1000).keys());
    assert.deepStrictEqual((await t.drain(queue)).map(Number), [...Array(1000).keys()]);
  },

  async 'a refused publish is nacked'(t) {
    const queue = await t.queue('q', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await t.publish(queue, 'fits');
    await assert.rejects(t.publish(queue, 'does not'));
  },

  async 'mandatory unroutable is returned before its confirm'(t) {
    const events = [];
    t.channel.on('return', (message) => events.push(`return ${message.fields.replyCode} ${message.content}`));
    t.channel.publish('', `${t.prefix}.nowhere`, Buffer.from('lost'), { mandatory: true }, (error) => events.push(`confirm ${error}`));
    await t.channel.waitForConfirms();
    assert.deepStrictEqual(events, ['return 312 lost', 'confirm null']);
  },

  async 'nack requeues, reject dead-letters with x-death'(t) {
    const dead = await t.queue('dead');
    const queue = await t.queue('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead });
    await t.publish(queue, 'x');
    t.channel.nack(await t.next(queue, {}), false, true);
    const again = await t.next(queue, {});
    assert.strictEqual(again.fields.redelivered, true);
    t.channel.reject(again, false);
    const [death] = (await t.next(dead)).properties.headers['x-death'];
    assert.deepStrictEqual([death.queue, death.reason, death.count], [queue, 'rejected', 1]);
  },

  async 'time to live of message and queue'(t) {
    const dead = await t.queue('dead');
    const letter = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
    t.channel.sendToQueue(await t.queue('1', letter), Buffer.from('by message'), { expiration: 100 });
    assert.strictEqual((await t.next(dead)).content.toString(), 'by message');
    t.channel.sendToQueue(await t.queue('2', { ...letter, 'x-message-ttl': 100 }), Buffer.from('by queue'));
    assert.strictEqual((await t.next(dead)).content.toString(), 'by queue');
  },

  async 'priorities'(t) {
    const queue = await t.queue('q', { 'x-max-priority': 9 });
    for (const priority of [1, 9, 5]) t.channel.sendToQueue(queue, Buffer.from(String(priority)), { priority });
    await t.channel.waitForConfirms();
    assert.deepStrictEqual(await t.drain(queue), ['9', '5', '1']);
  },

  async 'get of an empty queue is false'(t) {
    assert.strictEqual(await t.channel.get(await t.queue()), false);
  },

  async 'prefetch bounds unacked deliveries, global too'(t) {
    for (const global of [false, true]) {
      const queue = await t.queue(`q${global}`);
      await t.publish(queue, 1, 2, 3, 4, 5);
      const channel = await t.connection.createChannel();
      await channel.prefetch(2, global);
      const got = [];
      await channel.consume(queue, (message) => got.push(message));
      await eventually(() => got.length >= 2, 'two deliveries');
      await channel.checkQueue(queue);
      assert.strictEqual(got.length, 2);
      channel.ack(got[1], true);
      await eventually(() => got.length >= 4, 'two more');
      assert.strictEqual((await t.channel.checkQueue(queue)).messageCount, 1);
      await channel.close();
    }
  },

  async 'recover gives unacked messages back'(t) {
    const queue = await t.queue();
    await t.publish(queue, 'x');
    await t.next(queue, {});
    await t.channel.recover();
    assert.strictEqual((await t.next(queue)).fields.redelivered, true);
  },

  async 'deleting the queue cancels its consumer with null'(t) {
    const queue = await t.queue();
    const cancelled = new Promise((resolve) => t.channel.consume(queue, (message) => message === null && resolve()));
    await t.channel.checkQueue(queue);
    await t.channel.deleteQueue(queue);
    await cancelled;
  },

  async 'large body and properties'(t) {
    const queue = await t.queue();
    const body = randomBytes(5 * 1024 * 1024);
    const headers = { text: 'ключ', int: 7, double: 1.5, flag: true, list: [1, 'a'], table: { k: null } };
    t.channel.sendToQueue(queue, body, { headers, correlationId: 'c', messageId: 'm', contentType: 'a/b', timestamp: 1700000000 });
    const got = await t.next(queue);
    assert.ok(body.equals(got.content));
    assert.deepStrictEqual(JSON.parse(JSON.stringify(got.properties.headers)), headers);
    assert.deepStrictEqual([got.properties.correlationId, got.properties.messageId, got.properties.timestamp], ['c', 'm', 1700000000]);
  },

  async 'soft errors close the channel only'(t) {
    const queue = await t.queue();
    await t.channelError(404, (channel) => channel.checkQueue(`${t.prefix}.missing`));
    await t.channelError(406, (channel) => channel.assertQueue(queue, { durable: false }));
    await t.channelError(404, async (channel) => { channel.publish(`${t.prefix}.missing`, '', Buffer.from('x')); });
    await t.channel.checkQueue(queue);
  },

  async 'wrong password is refused with 403'() {
    await assert.rejects(amqp.connect(URI.replace('guest:guest@', 'guest:wrong@')), /403/);
  },

  async 'messages survive kill -9 and a new connection goes on'(t) {
    if (!CONTROL) throw new Skipped('the runner did not start the server, so it cannot restart it');
    const queue = await t.queue();
    await t.publish(queue, ...Array(100).keys());
    const closed = new Promise((resolve) => t.connection.once('close', resolve));
    execFileSync(CONTROL.split(' ')[0], [...CONTROL.split(' ').slice(1), 'kill-restart']);
    await closed;
    t.connection = await amqp.connect(URI);
    t.channel = await t.connection.createConfirmChannel();
    assert.deepStrictEqual((await t.drain(queue)).map(Number), [...Array(100).keys()]);
  },
};

async function run(name, body) {
  const t = new Test();
  let timer;
  try {
    await t.setUp();
    try {
      const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('timed out')), 6 * TIMEOUT_MS); });
      await Promise.race([body(t), late]);
    } finally {
      clearTimeout(timer);
      await t.tearDown();
    }
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    if (error instanceof Skipped) { console.log(`SKIPPED ${name}: ${error.message}`); return true; }
    console.log(`FAILED ${name}\n${error.stack}`);
    return false;
  }
}

(async () => {
  let failed = 0;
  for (const [name, body] of Object.entries(tests)) failed += (await run(name, body)) ? 0 : 1;
  process.exit(failed ? 1 : 0);
})();
