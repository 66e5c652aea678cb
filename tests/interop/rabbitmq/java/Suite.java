// SPDX-License-Identifier: Apache-2.0
/** The RabbitMQ Java client against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `. */

import com.rabbitmq.client.*;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.*;
import java.util.concurrent.*;

public class Suite {
    static final String URI = System.getenv("FANTAIL_INTEROP_URI");
    static final String CONTROL = System.getenv().getOrDefault("FANTAIL_INTEROP_CONTROL", "");
    static final long TIMEOUT_MS = 20_000;

    static final class Skipped extends RuntimeException {
        Skipped(String why) { super(why); }
    }

    interface Action { void run(Channel channel) throws Exception; }

    Connection connection;
    Channel channel;
    final String prefix = "t.java." + UUID.randomUUID().toString().substring(0, 8);
    final List<String> queues = new ArrayList<>();
    final List<String> exchanges = new ArrayList<>();

    // Helpers -----------------------------------------------------------------------------------

    static ConnectionFactory factory() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(URI);
        factory.setNetworkRecoveryInterval(300);
        return factory;
    }

    static void equal(Object wanted, Object got) {
        if (!Objects.deepEquals(wanted, got)) throw new AssertionError("wanted " + wanted + ", got " + got);
    }

    static void holds(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static void eventually(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.currentTimeMillis() + TIMEOUT_MS;
        while (!condition.call()) {
            holds(System.currentTimeMillis() < deadline, "waited in vain for " + what);
            Thread.sleep(10);
        }
    }

    static byte[] bytes(Object value) { return value.toString().getBytes(); }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        for (int at = 0; at < pairs.length; at += 2) map.put((String) pairs[at], pairs[at + 1]);
        return map;
    }

    String queue(String suffix, Object... arguments) throws IOException {
        String name = prefix + "." + suffix;
        channel.queueDeclare(name, true, false, false, map(arguments));
        queues.add(name);
        return name;
    }

    String exchange(String type, String suffix, Object... arguments) throws IOException {
        String name = prefix + "." + suffix;
        channel.exchangeDeclare(name, type, false, false, map(arguments));
        exchanges.add(name);
        return name;
    }

    void publish(String queue, Object... bodies) throws Exception {
        for (Object body : bodies) channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes(body));
        channel.waitForConfirmsOrDie(TIMEOUT_MS);
    }

    GetResponse next(String queue, boolean autoAck) throws Exception {
        GetResponse[] got = new GetResponse[1];
        eventually(() -> (got[0] = channel.basicGet(queue, autoAck)) != null, "a message in " + queue);
        return got[0];
    }

    String nextBody(String queue) throws Exception { return new String(next(queue, true).getBody()); }

    List<String> drain(String queue) throws IOException {
        List<String> bodies = new ArrayList<>();
        for (GetResponse got; (got = channel.basicGet(queue, true)) != null;) bodies.add(new String(got.getBody()));
        return bodies;
    }

    void channelError(int code, Action action) throws Exception {
        Channel victim = connection.createChannel();
        CompletableFuture<ShutdownSignalException> ended = new CompletableFuture<>();
        victim.addShutdownListener(ended::complete);
        try {
            action.run(victim);
        } catch (IOException | AlreadyClosedException expected) {
            // told by the shutdown listener
        }
        ShutdownSignalException cause = ended.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        holds(!cause.isHardError(), "a soft error closed the connection");
        equal(code, ((AMQP.Channel.Close) cause.getReason()).getReplyCode());
    }

    // Tests -------------------------------------------------------------------------------------

    public void declareOkTellsCountsAndServerNames() throws Exception {
        String queue = queue("q");
        publish(queue, 1, 2);
        equal(2, channel.queueDeclarePassive(queue).getMessageCount());
        holds(channel.queueDeclare().getQueue().startsWith("amq.gen-"), "server-named queue");
    }

    public void allExchangeTypesRoute() throws Exception {
        Object[][] cases = {{"direct", "k", "k", map(), map()}, {"fanout", "any", "", map(), map()},
            {"topic", "a.b", "a.*", map(), map()}, {"headers", "", "", map("x-match", "all", "h", 1), map("h", 1)},
            {"x-consistent-hash", "any", "1", map(), map()}};
        for (Object[] row : cases) {
            String type = (String) row[0], exchange = exchange(type, type), queue = queue(type);
            @SuppressWarnings("unchecked") Map<String, Object> arguments = (Map<String, Object>) row[3];
            @SuppressWarnings("unchecked") Map<String, Object> headers = (Map<String, Object>) row[4];
            channel.queueBind(queue, exchange, (String) row[2], arguments);
            channel.basicPublish(exchange, (String) row[1], new AMQP.BasicProperties.Builder().headers(headers).build(), bytes(type));
            equal(type, nextBody(queue));
        }
    }

    public void exchangeToExchangeAndAlternateExchange() throws Exception {
        String target = exchange("fanout", "target"), source = exchange("fanout", "source");
        String lost = exchange("direct", "lost", "alternate-exchange", source), queue = queue("q");
        channel.exchangeBind(target, source, "");
        channel.queueBind(queue, target, "");
        channel.basicPublish(lost, "nowhere", null, bytes("x"));
        equal("x", nextBody(queue));
    }

    public void confirmsOfThousandPublishesCoverEveryTag() throws Exception {
        String queue = queue("q");
        Channel own = connection.createChannel();
        own.confirmSelect();
        ConcurrentSkipListSet<Long> open = new ConcurrentSkipListSet<>();
        own.addConfirmListener(new ConfirmListener() {
            public void handleAck(long tag, boolean multiple) {
                if (multiple) open.headSet(tag, true).clear(); else open.remove(tag);
            }
            public void handleNack(long tag, boolean multiple) { }
        });
        for (int number = 0; number < 1000; number++) {
            open.add(own.getNextPublishSeqNo());
            own.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes(number));
        }
        holds(own.waitForConfirms(TIMEOUT_MS), "no nack");
        eventually(open::isEmpty, "all confirms");
        List<String> bodies = drain(queue);
        equal(1000, bodies.size());
        equal("999", bodies.get(999));
    }

    public void refusedPublishIsNacked() throws Exception {
        String queue = queue("q", "x-max-length", 1, "x-overflow", "reject-publish");
        publish(queue, "fits");
        channel.basicPublish("", queue, null, bytes("does not"));
        equal(false, channel.waitForConfirms(TIMEOUT_MS));
    }

    public void mandatoryUnroutableIsReturnedBeforeItsConfirm() throws Exception {
        List<String> events = new CopyOnWriteArrayList<>();
        Channel own = connection.createChannel();
        own.confirmSelect();
        own.addReturnListener((code, text, exchange, key, properties, body) -> events.add("return " + code + " " + new String(body)));
        own.addConfirmListener(new ConfirmListener() {
            public void handleAck(long tag, boolean multiple) { events.add("ack " + tag); }
            public void handleNack(long tag, boolean multiple) { events.add("nack " + tag); }
        });
        own.basicPublish("", prefix + ".nowhere", true, null, bytes("lost"));
        eventually(() -> events.size() == 2, "return and ack");
        equal(Arrays.asList("return 312 lost", "ack 1"), new ArrayList<>(events));
    }

    public void nackRequeuesAndRejectDeadLetters() throws Exception {
        String dead = queue("dead"), queue = queue("q", "x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead);
        publish(queue, "x", "y");
        channel.basicNack(next(queue, false).getEnvelope().getDeliveryTag(), false, true);
        GetResponse again = next(queue, false);
        holds(again.getEnvelope().isRedeliver(), "redelivered flag");
        equal("x", new String(again.getBody()));
        channel.basicReject(again.getEnvelope().getDeliveryTag(), false);
        GetResponse letter = next(dead, true);
        Map<?, ?> death = (Map<?, ?>) ((List<?>) letter.getProps().getHeaders().get("x-death")).get(0);
        equal("rejected", death.get("reason").toString());
        equal(queue, death.get("queue").toString());
        equal(1L, death.get("count"));
    }

    public void timeToLiveOfMessageAndQueue() throws Exception {
        String dead = queue("dead");
        String one = queue("1", "x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead);
        String two = queue("2", "x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead, "x-message-ttl", 100);
        channel.basicPublish("", one, new AMQP.BasicProperties.Builder().expiration("100").build(), bytes("by message"));
        equal("by message", nextBody(dead));
        publish(two, "by queue");
        equal("by queue", nextBody(dead));
    }

    public void priorities() throws Exception {
        String queue = queue("q", "x-max-priority", 9);
        for (int priority : new int[] {1, 9, 5})
            channel.basicPublish("", queue, new AMQP.BasicProperties.Builder().priority(priority).build(), bytes(priority));
        channel.waitForConfirmsOrDie(TIMEOUT_MS);
        equal(Arrays.asList("9", "5", "1"), drain(queue));
    }

    public void transactionsCommitAndRollBack() throws Exception {
        String queue = queue("q");
        Channel own = connection.createChannel();
        own.txSelect();
        own.basicPublish("", queue, null, bytes("forgotten"));
        own.txRollback();
        own.basicPublish("", queue, null, bytes("kept"));
        equal(Collections.emptyList(), drain(queue));
        own.txCommit();
        equal(Collections.singletonList("kept"), drain(queue));
    }

    public void getTellsHowManyAreLeft() throws Exception {
        String queue = queue("q");
        holds(channel.basicGet(queue, true) == null, "empty queue");
        publish(queue, 1, 2, 3);
        equal(2, channel.basicGet(queue, true).getMessageCount());
    }

    public void prefetchBoundsUnackedDeliveries() throws Exception {
        String queue = queue("q");
        publish(queue, 1, 2, 3, 4, 5);
        Channel own = connection.createChannel();
        own.basicQos(2);
        BlockingQueue<Long> tags = new LinkedBlockingQueue<>();
        own.basicConsume(queue, false, new DefaultConsumer(own) {
            @Override public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                tags.add(envelope.getDeliveryTag());
            }
        });
        for (int number = 0; number < 2; number++) holds(tags.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS) != null, "a delivery");
        equal(3, channel.queueDeclarePassive(queue).getMessageCount());
        holds(tags.isEmpty(), "no third delivery");
        own.basicAck(2, true);
        for (int number = 0; number < 2; number++) holds(tags.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS) != null, "a delivery");
        equal(1, channel.queueDeclarePassive(queue).getMessageCount());
    }

    public void deletedQueueCancelsItsConsumer() throws Exception {
        String queue = queue("q");
        CompletableFuture<String> cancelled = new CompletableFuture<>();
        channel.basicConsume(queue, true, new DefaultConsumer(channel) {
            @Override public void handleCancel(String tag) { cancelled.complete(tag); }
        });
        connection.createChannel().queueDelete(queue);
        holds(cancelled.get(TIMEOUT_MS, TimeUnit.MILLISECONDS) != null, "cancel notification");
    }

    public void largeBodyAndProperties() throws Exception {
        String queue = queue("q");
        byte[] body = new byte[10 * 1024 * 1024];
        new Random(1).nextBytes(body);
        AMQP.BasicProperties sent = new AMQP.BasicProperties.Builder().contentType("a/b").correlationId("c").messageId("m")
            .headers(map("text", "ключ", "long", 1L << 40, "bool", true, "list", Arrays.asList(1, "a")))
            .timestamp(new Date(1_700_000_000_000L)).build();
        channel.basicPublish("", queue, sent, body);
        GetResponse got = next(queue, true);
        holds(Arrays.equals(body, got.getBody()), "10 MiB come back");
        equal(sent.getTimestamp(), got.getProps().getTimestamp());
        equal("ключ", got.getProps().getHeaders().get("text").toString());
        equal(1L << 40, got.getProps().getHeaders().get("long"));
    }

    public void softErrorsCloseTheChannelOnly() throws Exception {
        String queue = queue("q");
        channelError(404, c -> c.queueDeclarePassive(prefix + ".missing"));
        channelError(404, c -> c.basicPublish(prefix + ".missing", "", null, bytes("x")));
        channelError(406, c -> c.queueDeclare(queue, false, false, false, null));
        channelError(406, c -> c.basicAck(77, false));
        channelError(403, c -> c.queueDeclare("amq.mine", false, false, false, null));
    }

    public void wrongPasswordIsAnAuthenticationFailure() throws Exception {
        ConnectionFactory factory = factory();
        factory.setPassword("wrong");
        try {
            factory.newConnection().close();
        } catch (AuthenticationFailureException expected) {
            return;
        }
        throw new AssertionError("connected with a wrong password");
    }

    public void automaticRecoveryAfterKill9GoesOnConsuming() throws Exception {
        if (CONTROL.isEmpty()) throw new Skipped("the runner did not start the server, so it cannot restart it");
        ConnectionFactory factory = factory();
        factory.setAutomaticRecoveryEnabled(true);
        factory.setTopologyRecoveryEnabled(true);
        try (Connection recovering = factory.newConnection()) {
            Channel own = recovering.createChannel();
            String queue = queue("recovering"), exclusive = own.queueDeclare().getQueue();
            own.queueBind(exclusive, "amq.fanout", "");
            BlockingQueue<String> got = new LinkedBlockingQueue<>();
            Consumer consumer = new DefaultConsumer(own) {
                @Override public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                    got.add(new String(body));
                }
            };
            own.basicConsume(queue, true, consumer);
            publish(queue, "before");
            equal("before", got.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS));
            CountDownLatch recovered = new CountDownLatch(1);
            ((Recoverable) recovering).addRecoveryListener(new RecoveryListener() {
                public void handleRecovery(Recoverable recoverable) { recovered.countDown(); }
                public void handleRecoveryStarted(Recoverable recoverable) { }
            });
            List<String> command = new ArrayList<>(Arrays.asList(CONTROL.split(" ")));
            command.add("kill-restart");
            equal(0, new ProcessBuilder(command).inheritIO().start().waitFor());
            holds(recovered.await(60, TimeUnit.SECONDS), "automatic recovery");
            own.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes("after"));
            equal("after", got.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS));
        }
    }

    // Runner ------------------------------------------------------------------------------------

    void setUp() throws Exception {
        ConnectionFactory factory = factory();
        factory.setAutomaticRecoveryEnabled(false);
        connection = factory.newConnection();
        channel = connection.createChannel();
        channel.confirmSelect();
    }

    void tearDown() throws Exception {
        if (connection.isOpen()) connection.close();
        try (Connection last = factory().newConnection()) {
            Channel cleaner = last.createChannel();
            for (String name : queues) cleaner.queueDelete(name);
            for (String name : exchanges) cleaner.exchangeDelete(name);
        }
    }

    public static void main(String[] wanted) {
        int failed = 0;
        Method[] methods = Suite.class.getDeclaredMethods();
        Arrays.sort(methods, Comparator.comparing(Method::getName));
        for (Method method : methods) {
            boolean test = Modifier.isPublic(method.getModifiers()) && !Modifier.isStatic(method.getModifiers())
                && method.getParameterCount() == 0;
            if (!test || wanted.length > 0 && !Arrays.asList(wanted).contains(method.getName())) continue;
            failed += run(method) ? 0 : 1;
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    static boolean run(Method method) {
        Suite suite = new Suite();
        try {
            suite.setUp();
            try {
                method.invoke(suite);
            } finally {
                suite.tearDown();
            }
            System.out.println("ok " + method.getName());
            return true;
        } catch (Throwable error) {
            Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
            if (cause instanceof Skipped) {
                System.out.println("SKIPPED " + method.getName() + ": " + cause.getMessage());
                return true;
            }
            System.out.println("FAILED " + method.getName());
            cause.printStackTrace(System.out);
            return false;
        }
    }
}
