// SPDX-License-Identifier: Apache-2.0
//! A whole node in memory, driven from inside its cores: what only the seams between parts can break.
#include "runtime/node.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "record/batch.hpp"
#include "record/envelope.hpp"
#include "runtime/core.hpp"

namespace fantail::runtime {
namespace {

using namespace broker;  // NOLINT(google-build-using-namespace): the test is about its commands

constexpr ConnectionId nobody = make_id<ConnectionId>(0, 4'000'000);

class NodeTest : public ::testing::Test {
protected:
    void start(std::uint16_t cores, std::vector<ListenerConfig> listeners = {}, NodeOptions options = {}) {
        options.cores = cores;
        options.listeners = std::move(listeners);
        node_ = std::make_unique<Node>(std::move(options));
        ASSERT_TRUE(node_->start());
    }
    void TearDown() override {
        if (node_) node_->stop();
    }
    /// Runs `work` on a core and waits for what it returns.
    template <class Work>
    auto on(std::uint16_t core, Work work) {
        std::promise<decltype(work(std::declval<Core&>()))> done;
        auto result = done.get_future();
        node_->run_on(CoreId(core), [&](Core& c) { done.set_value(work(c)); });
        return result.get();
    }
    /// Looks again until `step` is true; false after ten seconds.
    static bool eventually(const std::function<bool()>& step) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!step()) {
            if (std::chrono::steady_clock::now() > until) return false;
            std::this_thread::yield();
        }
        return true;
    }
    QueueDefinition declare(const std::string& name, std::uint16_t near, const QueueOptions& options) {
        on(0, [&](Core& core) {
            DeclareQueue command;
            command.vhost = core.catalog().vhost("/")->id;
            command.name = name;
            command.options = options;
            command.near = CoreId(near);
            core.send_admin({nobody, RequestId(1)}, std::move(command));
            return true;
        });
        const auto found = [&](Core& core) {
            const QueueDefinition* queue = core.catalog().queue(core.catalog().vhost("/")->id, name);
            return queue == nullptr ? QueueDefinition{} : *queue;
        };
        for (std::uint16_t core = 0; core < node_->core_count(); ++core) {
            EXPECT_TRUE(eventually([&] { return on(core, found).name == name; })) << name;
        }
        return on(0, found);
    }
    void publish(const QueueDefinition& queue, int count, const std::string& body = "body") {
        on(0, [&](Core& core) {
            for (int i = 0; i < count; ++i) {
                Bytes envelope;
                const std::uint8_t no_properties[] = {0, 0};
                record::encode_envelope(envelope, no_properties, "");
                record::BatchBuilder builder;
                builder.append_message(core.now().wall, as_bytes(queue.name), envelope, as_bytes(body));
                Append append{{{queue.id, 0}},
                              std::make_shared<const Bytes>(builder.finish(Offset(0))),
                              1,
                              body.size(),
                              {},
                              true};
                core.send(shard_of(queue.id), {nobody, RequestId(2)}, std::move(append));
            }
            return true;
        });
    }
    std::uint64_t ready(const QueueDefinition& queue) {
        const CoreId owner = node_->layout().core_of(shard_of(queue.id));
        return on(owner.value, [&](Core& core) {
            std::vector<QueueFigures> all;
            for (const auto& slot : core.shards()) slot->shard().list(all);
            for (const QueueFigures& f : all) {
                if (f.queue == queue.id) return f.ready;
            }
            return std::uint64_t{0};
        });
    }
    static QueueOptions refusing(const std::string& letters_to) {
        QueueOptions options;
        options.length_max = 1;
        options.overflow = Overflow::reject_publish_dlx;
        options.dead_letter_exchange = "";
        options.dead_letter_routing_key = letters_to;
        return options;
    }

    std::unique_ptr<Node> node_;
};

TEST_F(NodeTest, RefusedMessagesReachTheirDeadLetterQueueThoughItIsInTheSameShard) {
    start(1);
    const auto dead = declare("dead", 0, {});
    const auto full = declare("full", 0, refusing("dead"));
    publish(full, 20);
    EXPECT_TRUE(eventually([&] { return ready(dead) == 19; })) << ready(dead);
    EXPECT_EQ(ready(full), 1u);
}

TEST_F(NodeTest, ADeadLetterQueueThatRefusesPassesLettersOn) {
    start(2);
    const auto last = declare("last", 1, {});
    const auto second = declare("second", 0, refusing("last"));
    const auto first = declare("first", 0, refusing("second"));
    publish(first, 20);
    EXPECT_TRUE(eventually([&] { return ready(last) == 18; })) << ready(last);
    EXPECT_EQ(ready(second), 1u);
    EXPECT_EQ(ready(first), 1u);
}

/// Does nothing of what a session may do.
class QuietSession : public protocols::Session {
public:
    explicit QuietSession(protocols::SessionHost& host) : host_(host) {}
    void end_of_input() override {}
    void on_event(Event&) override {}
    void end_of_turn() override {}
    void on_tick() override {}
    [[nodiscard]] MonoTime deadline() const override { return MonoTime::never(); }
    void on_writable(bool) override {}
    void on_closed() override {}
    [[nodiscard]] protocols::SessionInfo info() const override { return {}; }

protected:
    protocols::SessionHost& host_;
};

/// A listener whose connections all speak to such sessions.
template <class Session>
ListenerConfig listener_of(const std::string& name) {
    protocols::Protocol protocol;
    protocol.name = name;
    protocol.sniff = [](ByteView) { return protocols::Protocol::Sniff::yes; };
    protocol.open = [](protocols::SessionHost& host) { return std::make_unique<Session>(host); };
    return {name, "127.0.0.1", 0, {protocol}, nullptr};
}

/// Answers every byte with what it takes the time to be, as eight bytes of this machine.
class ClockSession final : public QuietSession {
public:
    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        const std::int64_t now_ms = host_.now().wall.ms;
        const auto* at = reinterpret_cast<const std::uint8_t*>(&now_ms);
        host_.out().insert(host_.out().end(), at, at + sizeof now_ms);
        return bytes.size();
    }
};

std::int64_t wall_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
}

char next_byte(int fd) {
    char byte = 0;
    EXPECT_EQ(::recv(fd, &byte, 1, MSG_WAITALL), 1);
    return byte;
}

/// Logs in with every byte as the password, and writes what came of it; `?` is answered at once.
class LoginSession final : public QuietSession {
public:
    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        for (const std::uint8_t each : bytes) {
            if (each == '?') host_.out().push_back('!');
            else host_.broker().check_login(RequestId(each), "guest", as_text({&each, 1}));
        }
        return bytes.size();
    }
    void on_event(Event& event) override {
        const auto* answer = std::get_if<LoginChecked>(&event);
        if (answer == nullptr) return;
        const auto letter = static_cast<std::uint8_t>(answer->request.value);
        host_.out().push_back(answer->outcome ? letter : 'n');
    }
};

/// Passwords: `k` is known to be right, `w` to be wrong; others take until `let_go` and are right if upper case.
NodeOptions slow_logins(std::shared_future<void> let_go) {
    NodeOptions options;
    options.check_login = [let_go = std::move(let_go)](const UserDefinition*, std::string_view password,
                                                       const protocols::PeerInfo&) -> LoginCheck {
        const char letter = password.front();
        if (letter == 'k' || letter == 'w') return letter == 'k';
        return [let_go, letter] {
            let_go.wait();
            return letter >= 'A' && letter <= 'Z';
        };
    };
    return options;
}

TEST_F(NodeTest, ACoreServesOthersWhilePasswordsAreHashed) {
    std::promise<void> let_go;
    start(1, {listener_of<LoginSession>("login")}, slow_logins(let_go.get_future().share()));
    const int crowd = connect_to(node_->listeners().at(0).port);
    const int other = connect_to(node_->listeners().at(0).port);
    ASSERT_EQ(::send(crowd, "aBc", 3, 0), 3);
    ASSERT_EQ(::send(other, "?", 1, 0), 1);
    EXPECT_EQ(next_byte(other), '!');
    ASSERT_EQ(::send(other, "kw", 2, 0), 2);
    EXPECT_EQ(next_byte(other), 'k') << "what is known waits for nobody";
    EXPECT_EQ(next_byte(other), 'n');
    let_go.set_value();
    for (const char expected : {'n', 'B', 'n'}) EXPECT_EQ(next_byte(crowd), expected);
    ::close(crowd);
    ::close(other);
}

TEST_F(NodeTest, AStopWaitsForTheHashUnderWayAndForNoOther) {
    std::promise<void> let_go;
    start(1, {listener_of<LoginSession>("login")}, slow_logins(let_go.get_future().share()));
    const int crowd = connect_to(node_->listeners().at(0).port);
    ASSERT_EQ(::send(crowd, "abc?", 4, 0), 4);
    EXPECT_EQ(next_byte(crowd), '!');
    std::thread later([&let_go] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that the stop has begun
        let_go.set_value();
    });
    node_->stop();
    later.join();
    ::close(crowd);
}

/// Opens the direct consumer of every byte's number, or closes it if it is open; and says its own connection's id.
class DirectSession final : public QuietSession {
public:
    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        Port& port = host_.broker();
        for (const std::uint8_t each : bytes) {
            const ConsumerId consumer(each);
            if (port.has_direct(host_.id(), consumer)) port.close_direct(consumer);
            else port.open_direct(consumer);
        }
        const std::uint64_t id = host_.id().value;
        const auto* at = reinterpret_cast<const std::uint8_t*>(&id);
        host_.out().insert(host_.out().end(), at, at + sizeof id);
        return bytes.size();
    }
};

TEST_F(NodeTest, EveryCoreKnowsWhichDirectConsumersOfAnotherAreOpen) {
    start(2, {listener_of<DirectSession>("direct")});
    const int fd = connect_to(node_->listeners().at(0).port);
    ConnectionId id;
    const auto toggle = [&](const char* consumers) {
        ASSERT_EQ(::send(fd, consumers, 1, 0), 1);
        ASSERT_EQ(::recv(fd, &id.value, sizeof id.value, MSG_WAITALL), static_cast<ssize_t>(sizeof id.value));
    };
    const auto knows = [&](std::uint16_t core, char consumer) {
        return on(core, [&](Core& c) { return c.has_direct(id, ConsumerId(static_cast<std::uint64_t>(consumer))); });
    };
    toggle("a");
    toggle("b");
    for (const std::uint16_t core : {std::uint16_t{0}, std::uint16_t{1}}) {
        EXPECT_TRUE(knows(core, 'a') && knows(core, 'b'));
        EXPECT_FALSE(knows(core, 'c'));
    }
    toggle("a");
    EXPECT_FALSE(knows(0, 'a') || knows(1, 'a'));
    EXPECT_TRUE(knows(0, 'b') && knows(1, 'b'));
    ::close(fd);
    EXPECT_TRUE(eventually([&] { return !knows(0, 'b') && !knows(1, 'b'); }));
}

TEST_F(NodeTest, BytesThatWakeASleepingCoreAreSeenAtThePresentTime) {
    start(1, {listener_of<ClockSession>("clock")});
    const int fd = connect_to(node_->listeners().at(0).port);
    for (int i = 0; i < 3; ++i) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(100));  // the pause is the case: the core has gone to sleep
        const std::int64_t sent_ms = wall_ms();
        ASSERT_EQ(::send(fd, "?", 1, 0), 1);
        std::int64_t seen_ms = 0;
        ASSERT_EQ(::recv(fd, &seen_ms, sizeof seen_ms, MSG_WAITALL), static_cast<ssize_t>(sizeof seen_ms));
        EXPECT_GE(seen_ms, sent_ms - 20);  // clocks of one machine, one of them possibly a coarse one
        EXPECT_LE(seen_ms, wall_ms());
    }
    ::close(fd);
}

/// Writes `e` for every byte, and `t` when nothing was heard for a while. A `z` makes the whole core stand still.
class ListeningSession final : public QuietSession {
public:
    static constexpr std::int64_t patience_ms = 500;

    explicit ListeningSession(protocols::SessionHost& host) : QuietSession(host), heard_(host.now().mono) {}
    std::size_t on_bytes(ByteView bytes) override {
        heard_ = host_.now().mono;
        if (bytes[0] == 'z') std::this_thread::sleep_for(std::chrono::milliseconds(patience_ms + 100));
        host_.out().insert(host_.out().end(), bytes.size(), 'e');
        return bytes.size();
    }
    void on_tick() override {
        if (deadline() > host_.now().mono) return;
        heard_ = host_.now().mono;
        host_.out().push_back('t');
    }
    [[nodiscard]] MonoTime deadline() const override { return heard_.plus_ms(patience_ms); }

private:
    MonoTime heard_;
};

TEST_F(NodeTest, AListenerThatNobodyAskedForIsLeftOutAndReportedIfItsPortIsTaken) {
    start(1, {listener_of<ClockSession>("first")});
    ListenerConfig second = listener_of<ClockSession>("second");
    second.port = node_->listeners().at(0).port;
    NodeOptions options;
    options.cores = 1;
    options.listeners = {second};
    EXPECT_FALSE(Node(options).start());

    std::string reported;
    options.report = [&](const std::string& line) { reported += line; };
    options.listeners[0].required = false;
    Node without(options);
    ASSERT_TRUE(without.start());
    EXPECT_TRUE(without.listeners().empty());
    EXPECT_TRUE(reported.contains("no listener second")) << reported;
    without.stop();
}

TEST_F(NodeTest, WhatCameWhileACoreStoodStillIsReadBeforeAPeerIsCalledSilent) {
    start(1, {listener_of<ListeningSession>("listening")});
    std::vector<int> peers;
    for (int i = 0; i < 8; ++i) {
        peers.push_back(connect_to(node_->listeners().at(0).port));
        ASSERT_EQ(::send(peers.back(), "?", 1, 0), 1);
        ASSERT_EQ(next_byte(peers.back()), 'e');
    }
    const int sleeper = connect_to(node_->listeners().at(0).port);
    std::this_thread::sleep_for(
        std::chrono::milliseconds(50));  // the core must wake from its sleep into the standstill
    ASSERT_EQ(::send(sleeper, "z", 1, 0), 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // so that these bytes come during the standstill
    for (const int peer : peers) ASSERT_EQ(::send(peer, "?", 1, 0), 1);
    for (const int peer : peers) {
        EXPECT_EQ(next_byte(peer), 'e');
        ::close(peer);
    }
    ::close(sleeper);
}

/// False: the peer has ended the connection.
bool send_all(int fd, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto got = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (got < 0) return false;
        sent += static_cast<std::size_t>(got);
    }
    return true;
}

/// Takes messages of `message_size` bytes whole, each of one letter, and writes that letter; of an `x` it never takes any.
class WholeSession final : public QuietSession {
public:
    static constexpr std::size_t message_size = 3'000'000;

    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        std::size_t used = 0;
        while (bytes.size() - used >= message_size && bytes[used] != 'x') {
            const ByteView message = bytes.subspan(used, message_size);
            const bool whole = std::ranges::all_of(message, [&](std::uint8_t c) { return c == message[0]; });
            host_.out().push_back(whole ? message[0] : '!');
            used += message_size;
        }
        return used;
    }
    [[nodiscard]] std::size_t kept_size_max() const override { return message_size; }
};

TEST_F(NodeTest, AMessageLargerThanTheReadBufferComesWholeAndOneBeyondTheSessionsLimitEndsTheConnection) {
    start(1, {listener_of<WholeSession>("whole")});
    const int fd = connect_to(node_->listeners().at(0).port);
    std::string messages;
    for (const char letter : {'a', 'b', 'c'}) messages.append(WholeSession::message_size, letter);
    messages.append(1000, 'x');  // the beginning of the next
    std::thread sender([&] { EXPECT_TRUE(send_all(fd, messages)); });
    for (const char letter : {'a', 'b', 'c'}) EXPECT_EQ(next_byte(fd), letter);
    sender.join();
    EXPECT_FALSE(send_all(fd, std::string(30 * WholeSession::message_size, 'x')));
    ::close(fd);
}

/// After its first byte consumes the queue "q" and writes every batch as it is; no deliveries while the peer is slow.
class ConsumingSession final : public QuietSession {
public:
    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        queue_ = host_.broker().catalog().queue(host_.broker().catalog().vhost("/")->id, "q")->id;
        host_.broker().send(shard_of(queue_), RequestId(1),
                            AddConsumer{.queue = queue_, .consumer = me, .settled_on_delivery = true});
        return bytes.size();
    }
    void on_event(Event& event) override {
        if (const auto* deliver = std::get_if<Deliver>(&event)) append(host_.out(), *deliver->batch);
    }
    void on_writable(bool writable) override {
        host_.broker().send(shard_of(queue_), RequestId(2), SetFlow{queue_, me, writable, std::nullopt});
    }

private:
    static constexpr ConsumerId me{1};
    QueueId queue_;
};

TEST_F(NodeTest, AReaderThatWasSlowIsServedAgainAsSoonAsItHasRead) {
    constexpr int messages = 60;
    constexpr std::size_t body_size = 400'000;  // more in all than the sockets of both sides hold
    start(1, {listener_of<ConsumingSession>("consuming")});
    publish(declare("q", 0, {}), messages, std::string(body_size, 'x'));
    const int fd = connect_to(node_->listeners().at(0).port);
    constexpr timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ASSERT_EQ(::send(fd, "?", 1, 0), 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the slowness is the case
    std::vector<char> buffer(1 << 20);
    std::size_t got = 0;
    while (got < messages * body_size) {
        const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
        ASSERT_GT(size, 0) << "deliveries stopped after " << got << " bytes";
        got += static_cast<std::size_t>(size);
    }
    ::close(fd);
}

/// Writes B and U when an alarm begins and ends; does not read behind a `p` while one is on; echoes everything else.
class AlarmSession final : public QuietSession {
public:
    using QuietSession::QuietSession;
    std::size_t on_bytes(ByteView bytes) override {
        for (std::size_t used = 0; used < bytes.size(); ++used) {
            if (bytes[used] == 'p' && alarmed_) {
                host_.hold_input(true);
                return used;
            }
            host_.out().push_back(bytes[used]);
        }
        return bytes.size();
    }
    void on_event(Event& event) override {
        const auto* blocked = std::get_if<Blocked>(&event);
        if (blocked == nullptr) return;
        alarmed_ = blocked->on;
        host_.out().push_back(alarmed_ ? 'B' : 'U');
        if (alarmed_) return;
        host_.hold_input(false);
        host_.resume_input();
    }

private:
    bool alarmed_ = false;
};

TEST_F(NodeTest, AnAlarmLastsUntilItsLastSourceEndsItAndLaterConnectionsLearnOfIt) {
    start(1, {listener_of<AlarmSession>("alarm")});
    const auto set = [this](const std::string& source, bool now_on) {
        on(0, [&](Core& core) {
            core.set_alarm(source, now_on, source);
            return true;
        });
    };
    set("disk", true);
    const int fd = connect_to(node_->listeners().at(0).port);
    EXPECT_EQ(next_byte(fd), 'B');
    set("memory", true);
    EXPECT_EQ(next_byte(fd), 'B');
    set("disk", false);
    EXPECT_EQ(next_byte(fd), 'B') << "memory is still short";
    set("memory", false);
    EXPECT_EQ(next_byte(fd), 'U');
    ::close(fd);
}

TEST_F(NodeTest, ASessionThatHoldsItsInputIsNotReadFromUntilItLetsGo) {
    start(1, {listener_of<AlarmSession>("alarm")});
    const int publisher = connect_to(node_->listeners().at(0).port);
    const int other = connect_to(node_->listeners().at(0).port);
    ASSERT_EQ(::send(publisher, "p", 1, 0), 1);
    EXPECT_EQ(next_byte(publisher), 'p');
    on(0, [](Core& core) {
        core.set_alarm("disk", true, "short");
        return true;
    });
    EXPECT_EQ(next_byte(publisher), 'B');
    ASSERT_EQ(::send(publisher, "epf", 3, 0), 3);
    EXPECT_EQ(next_byte(publisher), 'e') << "what comes before its publish is served";
    ASSERT_EQ(::send(publisher, "g", 1, 0), 1);
    ASSERT_EQ(::send(other, "e", 1, 0), 1);
    EXPECT_EQ(next_byte(other), 'B');
    EXPECT_EQ(next_byte(other), 'e') << "who does not publish goes on";
    on(0, [](Core& core) {
        core.set_alarm("disk", false, "");
        return true;
    });
    // What waited, in the session's hands and in the socket, comes behind the end of the alarm.
    for (const char expected : {'U', 'p', 'f', 'g'}) EXPECT_EQ(next_byte(publisher), expected);
    ::close(publisher);
    ::close(other);
}

}  // namespace
}  // namespace fantail::runtime
