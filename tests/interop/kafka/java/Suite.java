// SPDX-License-Identifier: Apache-2.0
/** Kafka's Java clients (3.x and 4.x) against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `. */

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Suite {
    static final String BOOTSTRAP = System.getenv("FANTAIL_INTEROP_KAFKA");
    static final String CONTROL = System.getenv().getOrDefault("FANTAIL_INTEROP_CONTROL", "");
    static final long TIMEOUT_MS = 30_000;

    static final class Skipped extends RuntimeException {
        Skipped(String why) { super(why); }
    }

    final String topic = "t.java." + UUID.randomUUID().toString().substring(0, 8);
    final TopicPartition zero = new TopicPartition(topic, 0);
    final List<AutoCloseable> closing = new ArrayList<>();
    Admin admin;

    // Helpers -----------------------------------------------------------------------------------

    static void equal(Object wanted, Object got) {
        if (!Objects.deepEquals(wanted, got)) throw new AssertionError("wanted " + wanted + ", got " + got);
    }

    static void holds(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static void fails(Class<? extends Exception> wanted, Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (ExecutionException error) {
            holds(wanted.isInstance(error.getCause()), "wanted " + wanted + ", got " + error.getCause());
            return;
        } catch (Exception error) {
            holds(wanted.isInstance(error), "wanted " + wanted + ", got " + error);
            return;
        }
        throw new AssertionError("wanted " + wanted + ", and nothing failed");
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        map.put("bootstrap.servers", BOOTSTRAP);
        for (int at = 0; at < pairs.length; at += 2) map.put((String) pairs[at], pairs[at + 1]);
        return map;
    }

    <T extends AutoCloseable> T closed(T client) {
        closing.add(client);
        return client;
    }

    void make(int partitions, String... settings) throws Exception {
        Map<String, String> configs = new HashMap<>();
        for (int at = 0; at < settings.length; at += 2) configs.put(settings[at], settings[at + 1]);
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
    }

    Producer<String, String> producer(Object... options) {
        return closed(new KafkaProducer<>(map(options), new StringSerializer(), new StringSerializer()));
    }

    List<Long> produce(Producer<String, String> producer, int partition, List<String> values) throws Exception {
        List<Future<RecordMetadata>> futures = new ArrayList<>();
        for (String value : values) futures.add(producer.send(new ProducerRecord<>(topic, partition, null, value)));
        List<Long> offsets = new ArrayList<>();
        for (Future<RecordMetadata> future : futures) offsets.add(future.get(TIMEOUT_MS, TimeUnit.MILLISECONDS).offset());
        return offsets;
    }

    Consumer<String, String> consumer(Object... options) {
        Map<String, Object> all = map("group.id", "g." + topic, "auto.offset.reset", "earliest", "enable.auto.commit", false,
                "session.timeout.ms", 6000, "heartbeat.interval.ms", 300);
        all.putAll(map(options));
        return closed(new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer()));
    }

    Consumer<String, String> member(Object... options) {
        Consumer<String, String> consumer = consumer(options);
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    List<ConsumerRecord<String, String>> read(Consumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + TIMEOUT_MS;
        while (records.size() < count) {
            holds(System.currentTimeMillis() < deadline, records.size() + " of " + count + " records came");
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) records.add(record);
        }
        return records;
    }

    List<ConsumerRecord<String, String>> readAll(int count) {
        Consumer<String, String> consumer = consumer();
        consumer.assign(List.of(zero));
        return read(consumer, count);
    }

    static List<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).collect(Collectors.toList());
    }

    static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).collect(Collectors.toList());
    }

    // Tests -------------------------------------------------------------------------------------

    void test_default_producer_is_idempotent_and_keeps_order() throws Exception {
        make(1);
        List<Long> offsets = produce(producer(), 0, numbers(0, 5000));
        equal(LongStream.range(0, 5000).boxed().collect(Collectors.toList()), offsets);
        equal(numbers(0, 5000), values(readAll(5000)));
    }

    void test_every_codec_is_read_back() throws Exception {
        make(1);
        List<String> wanted = new ArrayList<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            List<String> values = numbers(0, 300).stream().map(n -> (codec + n + " ").repeat(20)).collect(Collectors.toList());
            produce(producer("compression.type", codec, "linger.ms", 20), 0, values);
            wanted.addAll(values);
        }
        equal(wanted, values(readAll(wanted.size())));
    }

    void test_keys_headers_times_and_nulls_are_kept() throws Exception {
        make(1, "retention.ms", "-1");
        Producer<String, String> producer = producer();
        producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_123L, "k", null,
                List.of(new RecordHeader("h", "1".getBytes(StandardCharsets.UTF_8)), new RecordHeader("h", null)))).get();
        ConsumerRecord<String, String> record = readAll(1).get(0);
        equal(Arrays.asList("k", null, 1_700_000_000_123L), Arrays.asList(record.key(), record.value(), record.timestamp()));
        List<String> headers = new ArrayList<>();
        record.headers().forEach(h -> headers.add(h.key() + "=" + (h.value() == null ? null : new String(h.value()))));
        equal(List.of("h=1", "h=null"), headers);
    }

    void test_record_beyond_the_limit_is_refused_and_a_large_one_taken() throws Exception {
        make(1);
        Producer<String, String> producer = producer("max.request.size", 4_000_000);
        fails(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, 0, null, "x".repeat(1_100_000))).get());
        String value = "y".repeat(1_000_000);
        equal(List.of(0L), produce(producer, 0, List.of(value)));
        equal(List.of(value), values(readAll(1)));
    }

    void test_members_come_and_leave_eagerly() throws Exception { comeAndLeave(RangeAssignor.class.getName()); }

    void test_members_come_and_leave_cooperatively() throws Exception { comeAndLeave(CooperativeStickyAssignor.class.getName()); }

    void comeAndLeave(String strategy) throws Exception {
        make(4);
        Consumer<String, String> first = member("partition.assignment.strategy", strategy);
        Consumer<String, String> second = member("partition.assignment.strategy", strategy);
        Set<String> got = ConcurrentHashMap.newKeySet();
        // A member joins within poll() and waits there for the others, so each has a thread.
        try (Polling one = new Polling(first, got); Polling two = new Polling(second, got)) {
            eventually(() -> one.share == 2 && two.share == 2, "two partitions each");
            Producer<String, String> producer = producer();
            for (int partition = 0; partition < 4; ++partition) produce(producer, partition, List.of("a" + partition));
            eventually(() -> got.containsAll(List.of("a0", "a1", "a2", "a3")), "the first four records");
            one.leave();
            eventually(() -> two.share == 4, "the other having all");
            for (int partition = 0; partition < 4; ++partition) produce(producer, partition, List.of("b" + partition));
            eventually(() -> got.containsAll(List.of("b0", "b1", "b2", "b3")), "the next four records");
        }
        equal(8, got.size());
    }

    static final class Polling implements AutoCloseable {
        volatile int share;
        volatile boolean ends;
        final Thread thread;

        Polling(Consumer<String, String> consumer, Set<String> got) {
            thread = new Thread(() -> {
                while (!ends) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50)))
                        if (!got.add(record.value())) got.add(record.value() + " again");
                    consumer.commitAsync();
                    share = consumer.assignment().size();
                }
                consumer.close(Duration.ofSeconds(10));
            });
            thread.start();
        }

        void leave() throws InterruptedException {
            ends = true;
            thread.join();
        }

        @Override public void close() throws InterruptedException { leave(); }
    }

    static void eventually(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.currentTimeMillis() + TIMEOUT_MS;
        while (!condition.call()) {
            holds(System.currentTimeMillis() < deadline, "waited in vain for " + what);
            Thread.sleep(10);
        }
    }

    void test_next_member_goes_on_behind_the_commit() throws Exception {
        make(1);
        produce(producer(), 0, numbers(0, 10));
        Consumer<String, String> first = member("max.poll.records", 4);
        equal(4, read(first, 4).size());
        first.commitSync(Map.of(zero, new OffsetAndMetadata(4, "note")));
        equal("note", first.committed(Set.of(zero)).get(zero).metadata());
        first.close();
        equal(numbers(4, 10), values(read(member(), 6)));
    }

    void test_static_member_comes_back_to_its_partition() throws Exception {
        make(1);
        produce(producer(), 0, numbers(0, 3));
        Consumer<String, String> first = member("group.instance.id", "i");
        equal(3, read(first, 3).size());
        first.close();
        equal(numbers(0, 3), values(read(member("group.instance.id", "i"), 3)));
    }

    void test_first_last_and_time_offsets() throws Exception {
        make(1, "retention.ms", "-1");
        Producer<String, String> producer = producer();
        for (long stamp : new long[] {1000, 2000, 3000}) producer.send(new ProducerRecord<>(topic, 0, stamp, null, "x")).get();
        Consumer<String, String> consumer = consumer();
        equal(Map.of(zero, 0L), consumer.beginningOffsets(List.of(zero)));
        equal(Map.of(zero, 3L), consumer.endOffsets(List.of(zero)));
        equal(1L, consumer.offsetsForTimes(Map.of(zero, 1500L)).get(zero).offset());
        holds(consumer.offsetsForTimes(Map.of(zero, 3001L)).get(zero) == null, "an offset for a time that is too late");
        equal(2L, admin.listOffsets(Map.of(zero, OffsetSpec.maxTimestamp())).all().get().get(zero).offset());
    }

    void test_admin_topics_partitions_and_settings() throws Exception {
        make(2, "retention.ms", "1234567");
        fails(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
        TopicDescription described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        equal(3, described.partitions().size());
        equal(described.topicId(), admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get()
                .get(described.topicId()).topicId());
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "5000"),
                AlterConfigOp.OpType.SET)))).all().get();
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        equal(List.of("1234567", "5000"), List.of(config.get("retention.ms").value(), config.get("max.message.bytes").value()));
        equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config.get("retention.ms").source());
        admin.deleteTopics(List.of(topic)).all().get();
        fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(topic)).allTopicNames().get());
    }

    void test_admin_cluster_has_one_node_that_is_its_controller() throws Exception {
        DescribeClusterResult cluster = admin.describeCluster();
        equal(1, cluster.nodes().get().size());
        equal(cluster.nodes().get().iterator().next(), cluster.controller().get());
        holds(!cluster.clusterId().get().isEmpty(), "the cluster has an id");
    }

    Admin loggedIn(ScramMechanism mechanism, String user, String password) {
        String module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        return closed(Admin.create(map("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", mechanism.mechanismName(),
                "sasl.jaas.config", module + " required username=\"" + user + "\" password=\"" + password + "\";")));
    }

    void test_scram_lets_in_who_knows_the_password() throws Exception {
        if (CONTROL.isEmpty()) throw new Skipped("the server may want a login of everybody, or of nobody");
        String user = "u,=" + topic;
        for (ScramMechanism mechanism : List.of(ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)) {
            ScramCredentialInfo info = new ScramCredentialInfo(mechanism, 4096);
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, info, "pencil"))).all().get();
            Admin known = loggedIn(mechanism, user, "pencil");
            equal(1, known.describeCluster().nodes().get().size());
            fails(ClusterAuthorizationException.class, () -> known.describeUserScramCredentials().all().get());
            for (String[] wrong : new String[][] {{user, "pencik"}, {"nobody", "pencil"}})
                fails(SaslAuthenticationException.class, () -> loggedIn(mechanism, wrong[0], wrong[1]).describeCluster().nodes().get());
            equal(info, admin.describeUserScramCredentials().description(user).get().credentialInfos().stream()
                    .filter(each -> each.mechanism() == mechanism).findFirst().orElse(null));
            admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, mechanism))).all().get();
            fails(SaslAuthenticationException.class, () -> loggedIn(mechanism, user, "pencil").describeCluster().nodes().get());
        }
    }

    void test_admin_quorum_is_led_by_one_of_its_voters() throws Exception {
        QuorumInfo quorum = admin.describeMetadataQuorum().quorumInfo().get();
        List<Integer> voters = quorum.voters().stream().map(QuorumInfo.ReplicaState::replicaId).collect(Collectors.toList());
        holds(voters.contains(quorum.leaderId()), "the leader is one of the voters " + voters);
        equal(new HashSet<>(voters), quorum.nodes().keySet());
        make(1);
        holds(admin.describeMetadataQuorum().quorumInfo().get().highWatermark() > quorum.highWatermark(), "a new topic is a change");
    }

    void test_admin_no_metrics_are_asked_of_clients() throws Exception {
        equal(List.of(), List.copyOf(admin.listClientMetricsResources().all().get()));
    }

    void test_admin_log_directory_tells_what_partitions_take() throws Exception {
        make(2);
        produce(producer(), 1, List.of("x".repeat(1000)));
        int node = admin.describeCluster().nodes().get().iterator().next().id();
        Map<String, LogDirDescription> directories = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
        equal(1, directories.size());
        String name = directories.keySet().iterator().next();
        Map<TopicPartition, ReplicaInfo> replicas = directories.get(name).replicaInfos();
        ReplicaInfo written = replicas.get(new TopicPartition(topic, 1));
        equal(0L, replicas.get(zero).size());
        holds(written.size() > 1000, "the size is that of the record and its batch, got " + written.size());
        equal(List.of(0L, false), List.of(written.offsetLag(), written.isFuture()));
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 1, node);
        equal(name, admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica).getCurrentReplicaLogDir());
    }

    void test_admin_groups_offsets_and_deleted_records() throws Exception {
        make(1);
        produce(producer(), 0, numbers(0, 10));
        Consumer<String, String> member = member();
        read(member, 10);
        member.commitSync();
        String group = "g." + topic;
        holds(admin.listConsumerGroups().all().get().stream().anyMatch(each -> each.groupId().equals(group)), "the group is listed");
        ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        equal(Set.of(zero), described.members().iterator().next().assignment().topicPartitions());
        fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        member.close();
        admin.alterConsumerGroupOffsets(group, Map.of(zero, new OffsetAndMetadata(7))).all().get();
        equal(7L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(zero).offset());
        admin.deleteConsumerGroupOffsets(group, Set.of(zero)).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        equal(4L, admin.deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(zero).get().lowWatermark());
        equal(numbers(4, 10), values(readAll(6)));
    }

    void test_producer_and_member_go_on_over_kill_9() throws Exception {
        if (CONTROL.isEmpty()) throw new Skipped("the runner did not start the server, so it cannot restart it");
        make(1);
        Producer<String, String> producer = producer();
        Consumer<String, String> member = member();
        produce(producer, 0, numbers(0, 100));
        equal(numbers(0, 100), values(read(member, 100)));
        List<String> command = new ArrayList<>(List.of(CONTROL.split(" ")));
        command.add("kill-restart");
        equal(0, new ProcessBuilder(command).inheritIO().start().waitFor());
        produce(producer, 0, numbers(100, 200));
        List<String> got = values(read(member, 100));
        equal(numbers(100, 200), got.subList(got.size() - 100, got.size()));
        equal(numbers(0, 200), values(readAll(200)));
    }

    // Running -----------------------------------------------------------------------------------

    boolean run(Method method) {
        try {
            admin = closed(Admin.create(map()));
            method.invoke(this);
            System.out.println("ok " + method.getName());
            return true;
        } catch (InvocationTargetException error) {
            if (error.getCause() instanceof Skipped) {
                System.out.println("SKIPPED " + method.getName() + ": " + error.getCause().getMessage());
                return true;
            }
            System.out.println("FAILED " + method.getName() + ": " + error.getCause());
            error.getCause().printStackTrace(System.out);
        } catch (Exception error) {
            System.out.println("FAILED " + method.getName() + ": " + error);
        } finally {
            try {
                admin.deleteTopics(List.of(topic)).all().get();
            } catch (Exception gone) { // the test deleted it, or never made it
            }
            Collections.reverse(closing);
            for (AutoCloseable each : closing) {
                try {
                    each.close();
                } catch (Exception closed) { // by the test
                }
            }
        }
        return false;
    }

    public static void main(String[] names) throws Exception {
        boolean good = true;
        for (Method method : Suite.class.getDeclaredMethods()) {
            if (!method.getName().startsWith("test_")) continue;
            if (names.length > 0 && !List.of(names).contains(method.getName())) continue;
            good &= new Suite().run(method);
        }
        System.exit(good ? 0 : 1);
    }
}
