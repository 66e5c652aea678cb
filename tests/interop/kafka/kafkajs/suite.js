// SPDX-License-Identifier: Apache-2.0
// kafkajs (Node) against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `.
'use strict';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel } = require('kafkajs');
const assert = require('assert');
const { execFileSync } = require('child_process');
const { randomBytes } = require('crypto');

const BOOTSTRAP = process.env.FANTAIL_INTEROP_KAFKA;
const CONTROL = process.env.FANTAIL_INTEROP_CONTROL || '';
const TIMEOUT_MS = 30000;

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
    this.topic = `t.kjs.${randomBytes(4).toString('hex')}`;
    this.clients = [];
    this.kafka = new Kafka({ brokers: [BOOTSTRAP], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 8 } });
    this.admin = await this.connected(this.kafka.admin());
  }

  async tearDown() {
    await this.admin.deleteTopics({ topics: [this.topic] }).catch(() => {});
    for (const client of this.clients.reverse()) await client.disconnect().catch(() => {});
  }

  async connected(client) {
    this.clients.push(client);
    await client.connect();
    return client;
  }

  async make(numPartitions = 1, configEntries = []) {
    await this.admin.createTopics({ topics: [{ topic: this.topic, numPartitions, replicationFactor: 1, configEntries }] });
  }

  async produce(values, options = {}, message = {}) {
    const producer = await this.connected(this.kafka.producer(options));
    const messages = values.map((value) => ({ value: String(value), partition: 0, ...message }));
    return producer.send({ topic: this.topic, messages, compression: options.compression });
  }

  // A member of a group, and what it gets.
  async member(groupId = `g.${this.topic}`, options = {}) {
    const consumer = await this.connected(this.kafka.consumer({
      groupId, sessionTimeout: 6000, heartbeatInterval: 300, rebalanceTimeout: 6000,
      ...options }));
    await consumer.subscribe({ topic: this.topic, fromBeginning: true });
    const got = [];
    await consumer.run({ eachMessage: async ({ partition, message }) => got.push({ partition, ...message }) });
    return { consumer, got };
  }

  // Tests -------------------------------------------------------------------------------------

  async test_records_come_in_order_with_offsets_from_0() {
    await this.make();
    const values = [...Array(200).keys()].map(String);
    const [told] = await this.produce(values);
    assert.deepStrictEqual([told.errorCode, told.baseOffset], [0, '0']);
    const { got } = await this.member();
    await eventually(() => got.length === 200, 'all records');
    assert.deepStrictEqual(got.map((m) => m.value.toString()), values);
    assert.deepStrictEqual(got.map((m) => m.offset), values);
  }

  async test_keys_headers_times_and_null_values_are_kept() {
    await this.make(1, [{ name: 'retention.ms', value: '-1' }]);
    await this.produce(['x'], {}, { key: 'k', value: null, headers: { a: '1', b: ['2', '3'] }, timestamp: '1700000000123' });
    const { got } = await this.member();
    const message = await eventually(() => got[0], 'the record');
    assert.deepStrictEqual([message.key.toString(), message.value, message.timestamp], ['k', null, '1700000000123']);
    assert.deepStrictEqual([message.headers.a.toString(), message.headers.b.map(String)], ['1', ['2', '3']]);
  }

  async test_gzip_is_read_back() {
    await this.make();
    const values = [...Array(100).keys()].map((n) => `value ${n} `.repeat(20));
    await this.produce(values, { compression: CompressionTypes.GZIP });
    const { got } = await this.member();
    await eventually(() => got.length === 100, 'all records');
    assert.deepStrictEqual(got.map((m) => m.value.toString()), values);
  }

  async test_idempotent_producer() {
    await this.make();
    const producer = await this.connected(this.kafka.producer({ idempotent: true, maxInFlightRequests: 1 }));
    for (let n = 0; n < 50; ++n) await producer.send({ topic: this.topic, messages: [{ value: String(n) }] });
    const [{ high }] = await this.admin.fetchTopicOffsets(this.topic);
    assert.strictEqual(high, '50');
  }

  async test_record_beyond_the_limit_is_refused() {
    await this.make(1, [{ name: 'max.message.bytes', value: '2000' }]);
    await assert.rejects(this.produce(['x'.repeat(3000)]), { type: 'MESSAGE_TOO_LARGE' });
    await this.produce(['x'.repeat(1000)]);
  }

  async test_large_records_cross() {
    await this.make();
    const value = randomBytes(900000).toString('latin1');
    await this.produce([value.slice(0, 500000)]);
    const { got } = await this.member();
    const message = await eventually(() => got[0], 'the record');
    assert.strictEqual(message.value.toString(), value.slice(0, 500000));
  }

  async test_members_share_partitions_and_one_takes_over() {
    await this.make(4);
    const first = await this.member();
    const second = await this.member();
    const shares = async (wanted) => {
      const { groups: [group] } = await this.admin.describeGroups([`g.${this.topic}`]);
      return group.state === 'Stable' && group.members.length === wanted;
    };
    await eventually(() => shares(2), 'two members');
    const producer = await this.connected(this.kafka.producer());
    const send = (text) => producer.send({ topic: this.topic, messages: [0, 1, 2, 3].map((partition) => ({ partition, value: text })) });
    await send('a');
    await eventually(() => first.got.length === 2 && second.got.length === 2, 'two records each');
    await first.consumer.disconnect();
    await eventually(() => shares(1), 'one member');
    await send('b');
    await eventually(() => second.got.length >= 6, 'all of the second round');
    assert.deepStrictEqual(second.got.filter((m) => m.value.toString() === 'b').map((m) => m.partition).sort(), [0, 1, 2, 3]);
  }

  async test_next_member_goes_on_behind_the_commit() {
    await this.make();
    await this.produce(['a', 'b']);
    const first = await this.member();
    await eventually(() => first.got.length === 2, 'both records');
    await first.consumer.disconnect();
    await this.produce(['c']);
    const second = await this.member();
    await eventually(() => second.got.length, 'a record');
    assert.deepStrictEqual(second.got.map((m) => m.value.toString()), ['c']);
  }

  async test_seek_of_a_running_member() {
    await this.make();
    await this.produce(['a', 'b', 'c']);
    const { consumer, got } = await this.member();
    await eventually(() => got.length === 3, 'all records');
    consumer.seek({ topic: this.topic, partition: 0, offset: '1' });
    await eventually(() => got.length === 5, 'two of them again');
    assert.deepStrictEqual(got.slice(3).map((m) => m.value.toString()), ['b', 'c']);
  }

  async test_admin_topics_partitions_and_settings() {
    await this.make(2, [{ name: 'retention.ms', value: '1234567' }]);
    assert((await this.admin.listTopics()).includes(this.topic));
    await this.admin.createPartitions({ topicPartitions: [{ topic: this.topic, count: 3 }] });
    const { topics: [{ partitions }] } = await this.admin.fetchTopicMetadata({ topics: [this.topic] });
    assert.strictEqual(partitions.length, 3);
    const { resources: [{ configEntries }] } = await this.admin.describeConfigs({
      includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: this.topic, configNames: ['retention.ms'] }] });
    assert.deepStrictEqual(configEntries.map((e) => [e.configName, e.configValue]), [['retention.ms', '1234567']]);
    await this.admin.deleteTopics({ topics: [this.topic] });
    assert(!(await this.admin.listTopics()).includes(this.topic));
  }

  async test_admin_offsets_by_time_and_deleted_records() {
    await this.make(1, [{ name: 'retention.ms', value: '-1' }]);
    await this.produce(['a'], {}, { timestamp: '1000' });
    await this.produce(['b'], {}, { timestamp: '2000' });
    assert.deepStrictEqual(await this.admin.fetchTopicOffsetsByTimestamp(this.topic, 1500), [{ partition: 0, offset: '1' }]);
    await this.admin.deleteTopicRecords({ topic: this.topic, partitions: [{ partition: 0, offset: '1' }] });
    const [{ low, high }] = await this.admin.fetchTopicOffsets(this.topic);
    assert.deepStrictEqual([low, high], ['1', '2']);
  }

  async test_admin_groups_and_their_offsets() {
    await this.make();
    await this.produce(['a', 'b']);
    const { consumer, got } = await this.member();
    await eventually(() => got.length === 2, 'both records');
    await consumer.disconnect();
    const groupId = `g.${this.topic}`;
    assert((await this.admin.listGroups()).groups.some((group) => group.groupId === groupId));
    const offsets = await this.admin.fetchOffsets({ groupId, topics: [this.topic] });
    assert.strictEqual(offsets[0].partitions[0].offset, '2');
    await this.admin.resetOffsets({ groupId, topic: this.topic, earliest: true });
    const again = await this.member();
    await eventually(() => again.got.length === 2, 'both records again');
    await again.consumer.disconnect();
    await this.admin.deleteGroups([groupId]);
    assert(!(await this.admin.listGroups()).groups.some((group) => group.groupId === groupId));
  }

  async test_producer_and_member_go_on_over_kill_9() {
    if (!CONTROL) throw new Skipped('the runner did not start the server, so it cannot restart it');
    await this.make();
    const producer = await this.connected(this.kafka.producer());
    const { got } = await this.member();
    await producer.send({ topic: this.topic, messages: [{ value: 'before' }] });
    await eventually(() => got.length === 1, 'the first record');
    const [program, ...args] = CONTROL.split(' ');
    execFileSync(program, [...args, 'kill-restart']);
    await producer.send({ topic: this.topic, messages: [{ value: 'after' }] });
    await eventually(() => got.some((m) => m.value.toString() === 'after'), 'the record after the restart');
  }
}

async function main() {
  const names = Object.getOwnPropertyNames(Test.prototype).filter((name) => name.startsWith('test_'));
  let failed = 0;
  for (const name of names) {
    const test = new Test();
    try {
      await test.setUp();
      await test[name]();
      console.log(`ok ${name}`);
    } catch (error) {
      if (error instanceof Skipped) console.log(`SKIPPED ${name}: ${error.message}`);
      else {
        ++failed;
        console.log(`FAILED ${name}: ${error.stack}`);
      }
    }
    await test.tearDown().catch(() => {});
  }
  process.exit(failed ? 1 : 0);
}

main();
