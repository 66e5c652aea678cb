// SPDX-License-Identifier: Apache-2.0
/** Groups that assign by themselves (KIP-848) with Kafka's Java client 4.x: lines as of Suite. */

import java.lang.reflect.Method;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class ConsumerGroups extends Suite {
    @Override Consumer<String, String> consumer(Object... options) {
        Map<String, Object> all = map("group.id", "g." + topic, "auto.offset.reset", "earliest", "enable.auto.commit", false,
                "group.protocol", "consumer");
        all.putAll(map(options));
        return closed(new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer()));
    }

    /** Each value once, whoever reads it. */
    void expect(Set<String> got, int partitions, String letter) throws Exception {
        Producer<String, String> producer = producer();
        List<String> wanted = new ArrayList<>();
        for (int partition = 0; partition < partitions; ++partition) {
            produce(producer, partition, List.of(letter + partition));
            wanted.add(letter + partition);
        }
        eventually(() -> got.containsAll(wanted), "the records of " + letter);
    }

    void test_members_come_and_leave() throws Exception {
        make(6);
        Set<String> got = ConcurrentHashMap.newKeySet();
        try (Polling one = new Polling(member(), got)) {
            eventually(() -> one.share == 6, "all partitions");
            expect(got, 6, "a");
            try (Polling two = new Polling(member(), got); Polling three = new Polling(member(), got)) {
                eventually(() -> one.share == 2 && two.share == 2 && three.share == 2, "two partitions each");
                expect(got, 6, "b");
                two.leave();
                eventually(() -> one.share == 3 && three.share == 3, "three partitions each");
                expect(got, 6, "c");
            }
            eventually(() -> one.share == 6, "all partitions again");
        }
        equal(18, got.size());
    }

    void test_pattern_of_the_broker_finds_topics_that_come_later() throws Exception {
        make(1);
        Consumer<String, String> member = consumer();
        member.subscribe(new SubscriptionPattern(topic.replace(".", "[.]") + ".*"));
        produce(producer(), 0, List.of("x"));
        equal(List.of("x"), values(read(member, 1)));
        String later = topic + ".later";
        admin.createTopics(List.of(new NewTopic(later, 1, (short) 1))).all().get();
        producer().send(new ProducerRecord<>(later, 0, null, "y")).get();
        equal(List.of("y"), values(read(member, 1)));
        admin.deleteTopics(List.of(later)).all().get();
    }

    void test_senseless_pattern_is_refused() throws Exception {
        Consumer<String, String> member = consumer();
        member.subscribe(new SubscriptionPattern("(a"));
        fails(InvalidRegularExpression.class, () -> read(member, 1));
    }

    void test_unknown_assignor_is_refused() throws Exception {
        make(1);
        fails(UnsupportedAssignorException.class, () -> read(member("group.remote.assignor", "sticky"), 1));
    }

    void test_static_member_comes_back_to_its_partition() throws Exception {
        make(2);
        for (int partition = 0; partition < 2; ++partition) produce(producer(), partition, numbers(0, 3));
        Consumer<String, String> first = member("group.instance.id", "i");
        equal(6, read(first, 6).size());
        fails(UnreleasedInstanceIdException.class, () -> read(member("group.instance.id", "i"), 1));
        first.close();
        equal(6, read(member("group.instance.id", "i"), 6).size());
    }

    void test_next_member_goes_on_behind_the_commit() throws Exception {
        make(1);
        produce(producer(), 0, numbers(0, 10));
        Consumer<String, String> first = member("max.poll.records", 4);
        equal(4, read(first, 4).size());
        first.commitSync(Map.of(zero, new OffsetAndMetadata(4, "note")));
        first.close();
        equal(numbers(4, 10), values(read(member(), 6)));
    }

    void test_admin_describes_lists_and_deletes() throws Exception {
        make(1);
        produce(producer(), 0, numbers(0, 10));
        Consumer<String, String> member = member();
        read(member, 10);
        member.commitSync();
        String group = "g." + topic;
        GroupListing listed = admin.listGroups().all().get().stream().filter(each -> each.groupId().equals(group)).findFirst().get();
        equal(Optional.of(GroupType.CONSUMER), listed.type());
        equal(List.of(group), admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.CONSUMER))
                .inGroupStates(Set.of(GroupState.STABLE))).all().get().stream().map(GroupListing::groupId).filter(group::equals).toList());
        ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        equal(GroupType.CONSUMER, described.type());
        equal(GroupState.STABLE, described.groupState());
        equal("uniform", described.partitionAssignor());
        equal(described.groupEpoch(), described.targetAssignmentEpoch());
        MemberDescription shown = described.members().iterator().next();
        equal(Set.of(zero), shown.assignment().topicPartitions());
        equal(Set.of(zero), shown.targetAssignment().get().topicPartitions());
        equal(Optional.of(true), shown.upgraded());
        fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        fails(GroupSubscribedToTopicException.class,
                () -> admin.deleteConsumerGroupOffsets(group, Set.of(zero)).partitionResult(zero).get());
        member.close();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        fails(GroupIdNotFoundException.class, () -> admin.describeConsumerGroups(List.of(group)).all().get());
    }

    void test_the_feature_is_finalized() throws Exception {
        FeatureMetadata features = admin.describeFeatures().featureMetadata().get();
        equal((short) 1, features.finalizedFeatures().get("group.version").maxVersionLevel());
        equal((short) 1, features.supportedFeatures().get("group.version").maxVersion());
    }

    void test_group_goes_on_over_kill_9() throws Exception {
        if (CONTROL.isEmpty()) throw new Skipped("the runner did not start the server, so it cannot restart it");
        make(2);
        Set<String> got = ConcurrentHashMap.newKeySet();
        try (Polling one = new Polling(member(), got); Polling two = new Polling(member(), got)) {
            eventually(() -> one.share == 1 && two.share == 1, "one partition each");
            expect(got, 2, "a");
            List<String> command = new ArrayList<>(List.of(CONTROL.split(" ")));
            command.add("kill-restart");
            equal(0, new ProcessBuilder(command).inheritIO().start().waitFor());
            expect(got, 2, "b");
            holds(one.share == 1 && two.share == 1, "each has what it had");
        }
    }

    public static void main(String[] names) throws Exception {
        boolean good = true;
        for (Method method : ConsumerGroups.class.getDeclaredMethods()) {
            if (!method.getName().startsWith("test_")) continue;
            if (names.length > 0 && !List.of(names).contains(method.getName())) continue;
            good &= new ConsumerGroups().run(method);
        }
        System.exit(good ? 0 : 1);
    }
}
