// SPDX-License-Identifier: Apache-2.0
//! Sockets and listeners over loopback and unix paths.
#include "sys/socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <filesystem>
#include <optional>

#include "sys/clock.hpp"
#include "sys/listener.hpp"
#include "sys/loop.hpp"

namespace fantail::sys {
namespace {

MonoTime in_ms(std::int64_t ms) { return SystemClock().now().mono.plus_ms(ms); }

template <class Condition>
[[nodiscard]] bool run_until(Loop& loop, Condition condition) {
    const MonoTime end = in_ms(10'000);
    while (!condition() && SystemClock().now().mono < end) loop.wait(end);
    return condition();
}

std::string temporary_path(std::string_view name) {
    std::string pattern = (std::filesystem::temp_directory_path() / "fantail-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    return pattern + '/' + std::string(name);
}

/// A client and the server's end of one connection.
struct Connection {
    explicit Connection(const Endpoint& endpoint) {
        auto opened = Listener::open(loop, endpoint, [this](Fd fd) { accepted = std::move(fd); });
        EXPECT_TRUE(opened.has_value()) << opened.error().message;
        listener.emplace(std::move(*opened));
        client = Socket::connect(loop, listener->local()).value();
        bool done = false;
        client.when_writable([&] { done = true; });
        EXPECT_TRUE(run_until(loop, [&] { return done && accepted; }));
        EXPECT_TRUE(client.connected().has_value());
        server = Socket::adopt(loop, std::move(accepted)).value();
    }
    std::string read(Socket& from) {
        std::uint8_t bytes[4096];
        const auto got = from.read_some(bytes);
        return got ? std::string(as_text({bytes, *got})) : "error: " + got.error().message;
    }
    static Result<std::size_t> write(Socket& to, std::string_view text) {
        const ByteView piece = as_bytes(text);
        return to.write_some({&piece, 1});
    }

    Loop loop;
    std::optional<Listener> listener;
    Fd accepted;
    Socket client, server;
};

class SocketKinds : public ::testing::TestWithParam<const char*> {
protected:
    static Endpoint endpoint() {
        const std::string host = GetParam();
        return {host == "unix" ? "unix:" + temporary_path("socket") : host, 0};
    }
};
INSTANTIATE_TEST_SUITE_P(All, SocketKinds, ::testing::Values("127.0.0.1", "::1", "localhost", "unix"),
                         [](const auto& each) { return "Kind" + std::to_string(each.index); });

TEST_P(SocketKinds, BytesGoBothWaysAndTheEndIsSeen) {
    Connection c(endpoint());
    std::string at_server;
    c.server.when_readable([&] { at_server += c.read(c.server); });
    ASSERT_EQ(Connection::write(c.client, "hello"), 5u);
    ASSERT_TRUE(run_until(c.loop, [&] { return at_server == "hello"; }));

    ASSERT_EQ(Connection::write(c.server, "world"), 5u);
    std::string at_client;
    c.client.when_readable([&] { at_client += c.read(c.client); });
    ASSERT_TRUE(run_until(c.loop, [&] { return at_client == "world"; }));

    c.client.finish_writing();
    ASSERT_TRUE(run_until(c.loop, [&] { return c.server.at_end(); }));
    EXPECT_EQ(c.loop.poll(), 0u) << "a finished stream must not call back for ever";
}

TEST_P(SocketKinds, NothingToReadIsZeroAndNotTheEnd) {
    Connection c(endpoint());
    EXPECT_EQ(c.read(c.server), "");
    EXPECT_FALSE(c.server.at_end());
}

TEST_P(SocketKinds, TheDescriptorCanMoveToAnotherLoop) {
    Connection c(endpoint());
    c.server.when_readable([&] { ADD_FAILURE() << "called on the loop it has left"; });
    Loop other;
    Socket moved = Socket::adopt(other, c.server.release()).value();
    EXPECT_FALSE(c.server.is_open());
    std::string got;
    moved.when_readable([&] { got += c.read(moved); });
    ASSERT_EQ(Connection::write(c.client, "x"), 1u);
    ASSERT_TRUE(run_until(other, [&] { return got == "x"; }));
    c.loop.poll();
}

TEST_P(SocketKinds, AFullBufferTakesAPartAndTellsWhenThereIsRoom) {
    Connection c(endpoint());
    const Bytes block(1 << 20, 7);
    std::size_t sent = 0;
    for (std::size_t n = 1; n > 0; sent += n) {
        const ByteView piece = block;
        n = c.server.write_some({&piece, 1}).value();
    }
    EXPECT_EQ(Connection::write(c.server, "y"), 0u);
    bool room = false;
    c.server.when_writable([&] { room = true; });
    c.loop.poll();
    EXPECT_FALSE(room);
    std::size_t received = 0;
    Bytes into(1 << 20);
    c.client.when_readable([&] { received += c.client.read_some(into).value(); });
    ASSERT_TRUE(run_until(c.loop, [&] { return room && received == sent; }));
}

TEST(Socket, GathersManyPiecesInOrder) {
    Connection c({"127.0.0.1", 0});
    std::vector<std::string> texts;
    std::vector<ByteView> pieces;
    std::string expected;
    for (int i = 0; i < 2000; ++i) texts.push_back(std::to_string(i) + ',');
    for (const std::string& text : texts) pieces.push_back(as_bytes(text));
    for (std::size_t i = 0; i < Socket::pieces_max; ++i) expected += texts[i];
    ASSERT_EQ(c.server.write_some(pieces), expected.size());
    std::string got;
    c.client.when_readable([&] { got += c.read(c.client); });
    ASSERT_TRUE(run_until(c.loop, [&] { return got.size() == expected.size(); }));
    EXPECT_EQ(got, expected);
}

TEST(Socket, WritingToAPeerThatIsGoneIsUnavailableAndRaisesNoSignal) {
    Connection c({"127.0.0.1", 0});
    c.client.close();
    Result<std::size_t> written = 1;
    const bool failed = run_until(c.loop, [&] {
        if (written) written = Connection::write(c.server, "x");
        c.loop.defer([] {});  // the reset arrives without an event of ours
        return !written;
    });
    ASSERT_TRUE(failed);
    EXPECT_EQ(written.error().code, ErrorCode::unavailable);
}

TEST(Socket, AResetIsAnErrorAndPausesReading) {
    Connection c({"127.0.0.1", 0});
    std::optional<Error> error;
    std::uint8_t bytes[16];
    c.server.when_readable([&] {
        if (auto got = c.server.read_some(bytes); !got) error = got.error();
    });
    Fd raw = c.client.release();
    const linger now{1, 0};
    ASSERT_EQ(::setsockopt(raw.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    raw.close();
    ASSERT_TRUE(run_until(c.loop, [&] { return error.has_value(); }));
    EXPECT_EQ(error->code, ErrorCode::unavailable);
    EXPECT_EQ(c.loop.poll(), 0u);
}

TEST(Socket, APeerWithAShutWindowHearsThatItIsGivenUp) {
    Connection c({"127.0.0.1", 0});
    const std::string block(1 << 16, 'x');
    while (Connection::write(c.server, block).value_or(0) > 0) {}
    c.server.give_up();
    // It reads nothing, so that no orderly end could reach it.
    const MonoTime end = in_ms(10'000);
    while (Connection::write(c.client, "x").has_value() && SystemClock().now().mono < end) c.loop.wait(in_ms(1));
    EXPECT_FALSE(Connection::write(c.client, "x"));
}

TEST(Socket, GivenUpWithNothingUnderWayItEndsInOrder) {
    Connection c({"127.0.0.1", 0});
    c.server.give_up();
    bool readable = false;
    c.client.when_readable([&readable] { readable = true; });
    EXPECT_TRUE(run_until(c.loop, [&readable] { return readable; }));
    std::uint8_t byte[1];
    EXPECT_EQ(c.client.read_some(byte).value_or(9), 0u);
    EXPECT_TRUE(c.client.at_end());
}

TEST(Socket, ConnectingWhereNobodyListensIsUnavailable) {
    Loop loop;
    Address address;
    {
        auto listener = Listener::open(loop, {"127.0.0.1", 0}, [](Fd) {});
        address = listener.value().local();
    }
    auto socket = Socket::connect(loop, address);
    ASSERT_TRUE(socket);
    bool done = false;
    socket->when_writable([&] { done = true; });
    ASSERT_TRUE(run_until(loop, [&] { return done; }));
    const auto connected = socket->connected();
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error().code, ErrorCode::unavailable);
}

TEST(Socket, ClosedInItsOwnCallbackItNeverCallsAgain) {
    Connection c({"127.0.0.1", 0});
    int calls = 0;
    c.server.when_readable([&] {
        ++calls;
        c.server.close();
    });
    ASSERT_EQ(Connection::write(c.client, "x"), 1u);
    ASSERT_TRUE(run_until(c.loop, [&] { return calls == 1; }));
    for (int i = 0; i < 5; ++i) c.loop.poll();
    EXPECT_EQ(calls, 1);
}

TEST(Socket, TellsBothAddressesAndSendsWithoutDelay) {
    Connection c({"127.0.0.1", 0});
    EXPECT_EQ(c.server.peer().text(), c.client.local().text());
    EXPECT_EQ(c.server.local().text(), "127.0.0.1:" + std::to_string(c.listener->local().port()));
    const Fd raw = c.server.release();
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    ASSERT_EQ(::getsockopt(raw.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_EQ(no_delay, 1);
}

TEST(Listener, PortZeroBecomesARealPortAndIsInUseForOthers) {
    Loop loop;
    const auto first = Listener::open(loop, {"127.0.0.1", 0}, [](Fd) {});
    ASSERT_TRUE(first);
    ASSERT_NE(first->local().port(), 0);
    const auto second = Listener::open(loop, {"127.0.0.1", first->local().port()}, [](Fd) {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
}

TEST(Listener, AllInterfacesServesIPv4) {
    Loop loop;
    Fd accepted;
    const auto listener = Listener::open(loop, {"", 0}, [&](Fd fd) { accepted = std::move(fd); });
    ASSERT_TRUE(listener);
    const auto to = resolve({"127.0.0.1", listener->local().port()}, false).value().front();
    auto client = Socket::connect(loop, to);
    ASSERT_TRUE(client);
    EXPECT_TRUE(run_until(loop, [&] { return static_cast<bool>(accepted); }));
}

TEST(Listener, AUnixPathLeftByADeadProcessIsReplacedAndALiveOneIsNot) {
    Loop loop;
    const std::string path = temporary_path("socket");
    const auto address = resolve({"unix:" + path, 0}, true).value().front();
    {
        const Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(::bind(dead.get(), address.data(), address.size()), 0);
    }
    ASSERT_TRUE(std::filesystem::exists(path));
    {
        const auto listener = Listener::open(loop, {"unix:" + path, 0}, [](Fd) {});
        ASSERT_TRUE(listener) << listener.error().message;
        EXPECT_EQ(listener->local().text(), "unix:" + path);
        EXPECT_FALSE(Listener::open(loop, {"unix:" + path, 0}, [](Fd) {}).has_value());
    }
    EXPECT_FALSE(std::filesystem::exists(path)) << "removed by close()";
}

TEST(Listener, OutOfDescriptorsItWaitsAndServesTheClientLater_EMFILE) {
    Loop loop;
    std::vector<Fd> accepted;
    const auto listener = Listener::open(loop, {"127.0.0.1", 0}, [&](Fd fd) { accepted.push_back(std::move(fd)); });
    ASSERT_TRUE(listener);
    auto client = Socket::connect(loop, listener->local());
    ASSERT_TRUE(client);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit tight{3, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < 5; ++i) loop.wait(in_ms(5));
    const std::size_t while_tight = accepted.size();
    const std::size_t busy = loop.poll();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(while_tight, 0u);
    EXPECT_EQ(busy, 0u) << "it must pause, not spin";
    EXPECT_TRUE(run_until(loop, [&] { return accepted.size() == 1; }));
}

TEST(Listener, ClosedInItsOwnCallbackItAcceptsNoMore) {
    Loop loop;
    int accepts = 0;
    std::optional<Listener> listener;
    listener = Listener::open(loop, {"127.0.0.1", 0}, [&](Fd) {
                   ++accepts;
                   listener.reset();
               }).value();
    auto one = Socket::connect(loop, listener->local());
    auto two = Socket::connect(loop, listener->local());
    ASSERT_TRUE(run_until(loop, [&] { return accepts > 0; }));
    for (int i = 0; i < 5; ++i) loop.poll();
    EXPECT_EQ(accepts, 1);
}

TEST(Address, PrintsEveryFamily) {
    EXPECT_EQ(resolve({"127.0.0.1", 5672}, false).value().front().text(), "127.0.0.1:5672");
    EXPECT_EQ(resolve({"::1", 5672}, false).value().front().text(), "[::1]:5672");
    EXPECT_EQ(resolve({"unix:/run/x", 0}, false).value().front().text(), "unix:/run/x");
    EXPECT_EQ(Address().text(), "?");
}

TEST(Address, IsOursIfSomethingCanBeBoundToIt) {
    EXPECT_TRUE(has_address("127.0.0.1"));
    EXPECT_FALSE(has_address("192.0.2.1"));  // for documentation: nobody's
    EXPECT_FALSE(has_address("no.such.host.invalid"));
}

TEST(Address, RefusesPathsThatDoNotFitAndNamesThatDoNotExist) {
    EXPECT_EQ(resolve({"unix:", 0}, true).error().code, ErrorCode::malformed);
    EXPECT_EQ(resolve({"unix:" + std::string(108, 'x'), 0}, true).error().code, ErrorCode::malformed);
    EXPECT_FALSE(resolve({"no.such.host.invalid", 1}, false).has_value());
}

}  // namespace
}  // namespace fantail::sys
