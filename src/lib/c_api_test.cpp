// SPDX-License-Identifier: Apache-2.0
//! The C header, by its functions.
#include "lib/c_api.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace fantail {
namespace {

constexpr std::int64_t wait_ms = 5000;

struct Free {
    void operator()(fantail_socket* socket) const { fantail_socket_free(socket); }
    void operator()(fantail_options* options) const { fantail_options_free(options); }
    void operator()(fantail_message* message) const { fantail_message_free(message); }
};
using Socket = std::unique_ptr<fantail_socket, Free>;
using Options = std::unique_ptr<fantail_options, Free>;
using Message = std::unique_ptr<fantail_message, Free>;

Socket make(fantail_pattern pattern, const Options& options = nullptr) {
    return Socket(fantail_socket_new(pattern, options.get()));
}

void join(const Socket& listens, const Socket& connects) {
    char address[256];
    ASSERT_EQ(fantail_bind(listens.get(), "tcp://127.0.0.1:*", address, sizeof address), FANTAIL_OK);
    ASSERT_EQ(fantail_connect(connects.get(), address), FANTAIL_OK);
}

Message receive(const Socket& socket, std::int64_t timeout_ms = wait_ms) {
    fantail_message* message = nullptr;
    const fantail_status status = fantail_receive(socket.get(), &message, timeout_ms);
    EXPECT_EQ(status, FANTAIL_OK) << fantail_error_text();
    return Message(message);
}

std::string text_of(const Message& message, std::size_t index = 0) {
    std::size_t size = 0;
    const void* bytes = fantail_message_part(message.get(), index, &size);
    return bytes == nullptr ? "(none)" : std::string(static_cast<const char*>(bytes), size);
}

TEST(CApi, CarriesMessagesOfSeveralParts) {
    const Socket listens = make(FANTAIL_PAIR), connects = make(FANTAIL_PAIR);
    join(listens, connects);
    fantail_message* sent = fantail_message_new("one", 3);
    fantail_message_add(sent, "", 0);
    fantail_message_add(sent, "three", 5);
    ASSERT_EQ(fantail_send(connects.get(), sent, wait_ms), FANTAIL_OK);

    const Message got = receive(listens);
    ASSERT_EQ(fantail_message_parts(got.get()), 3u);
    EXPECT_EQ(text_of(got, 0) + "|" + text_of(got, 1) + "|" + text_of(got, 2), "one||three");
    EXPECT_EQ(fantail_message_part(got.get(), 3, nullptr), nullptr);
}

TEST(CApi, LeavesAMessageThatCannotBeSentWithItsOwner) {
    const Socket pull = make(FANTAIL_PULL), push = make(FANTAIL_PUSH);
    const Message message(fantail_message_new("kept", 4));
    EXPECT_EQ(fantail_send(push.get(), message.get(), 0), FANTAIL_WOULD_BLOCK);
    EXPECT_EQ(fantail_send(pull.get(), message.get(), 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(text_of(message), "kept");
}

TEST(CApi, GivesAdoptedMemoryBackOnce) {
    static int released;
    released = 0;
    std::string memory(100'000, 'x');
    {
        const Socket listens = make(FANTAIL_PULL), connects = make(FANTAIL_PUSH);
        join(listens, connects);
        fantail_message* message = fantail_message_adopt(
            memory.data(), memory.size(), [](void*, void* hint) { ++*static_cast<int*>(hint); }, &released);
        ASSERT_EQ(fantail_send(connects.get(), message, wait_ms), FANTAIL_OK);
        EXPECT_EQ(text_of(receive(listens)), memory);
    }
    EXPECT_EQ(released, 1);
}

TEST(CApi, SaysWhatAPatternDoesNotDo) {
    fantail_message* message = nullptr;
    fantail_place place{};
    EXPECT_EQ(fantail_receive(make(FANTAIL_PUSH).get(), &message, 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(fantail_receive(make(FANTAIL_LANE_RECEIVER).get(), &message, 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(fantail_lane_receive(make(FANTAIL_PULL).get(), &message, &place, 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(fantail_subscribe(make(FANTAIL_PULL).get(), "", 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(fantail_lane_wait(make(FANTAIL_PUSH).get(), 0), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(fantail_socket_new(static_cast<fantail_pattern>(20), nullptr), nullptr);
    EXPECT_STREQ(fantail_error_text(), "invalid_argument: there is no such pattern");
}

TEST(CApi, TellsErrorsByStatusAndSentence) {
    const Socket pull = make(FANTAIL_PULL);
    fantail_message* message = nullptr;
    EXPECT_EQ(fantail_connect(pull.get(), "nonsense"), FANTAIL_INVALID_ARGUMENT);
    EXPECT_NE(std::string_view(fantail_error_text()).find("nonsense"), std::string_view::npos) << fantail_error_text();
    EXPECT_EQ(fantail_receive(pull.get(), &message, 0), FANTAIL_WOULD_BLOCK);
    EXPECT_EQ(fantail_receive(pull.get(), &message, 1), FANTAIL_TIMED_OUT);
    fantail_close(pull.get());
    EXPECT_EQ(fantail_receive(pull.get(), &message, 0), FANTAIL_CLOSED);
    EXPECT_EQ(message, nullptr);
}

TEST(CApi, SetsOptionsByTheirNamesAndWithinTheirRanges) {
    const Options options(fantail_options_new());
    const auto set = [&](const char* name, std::int64_t value) {
        return fantail_options_set(options.get(), name, value);
    };
    EXPECT_EQ(set("send_high_water", 7), FANTAIL_OK);
    EXPECT_EQ(set("reconnect.delay_max", 250), FANTAIL_OK);
    EXPECT_EQ(set("receive_timeout", FANTAIL_FOREVER), FANTAIL_OK);
    EXPECT_EQ(set("router.mandatory", 1), FANTAIL_OK);
    EXPECT_EQ(options->settings.send_high_water, 7u);
    EXPECT_EQ(options->settings.reconnect.delay_max, milliseconds(250));
    EXPECT_TRUE(options->settings.router.mandatory);

    EXPECT_EQ(set("send_high_water", -1), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(set("send_high_water", std::int64_t{1} << 32), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(set("linger", -1), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(set("sp.ttl", 256), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(set("immediate", 2), FANTAIL_INVALID_ARGUMENT);
    EXPECT_EQ(set("no_such_thing", 1), FANTAIL_INVALID_ARGUMENT);
    EXPECT_STREQ(fantail_error_text(), "invalid_argument: no setting has the name 'no_such_thing'");
    EXPECT_EQ(options->settings.send_high_water, 7u);
}

TEST(CApi, AppliesTheOptionsTimeoutWhereAskedTo) {
    const Options options(fantail_options_new());
    ASSERT_EQ(fantail_options_set(options.get(), "receive_timeout", 1), FANTAIL_OK);
    fantail_message* message = nullptr;
    EXPECT_EQ(fantail_receive(make(FANTAIL_PULL, options).get(), &message, FANTAIL_AS_OPTIONS_SAY), FANTAIL_TIMED_OUT);
}

TEST(CApi, SubscribesByPrefix) {
    const Socket publisher = make(FANTAIL_XPUBLISHER), subscriber = make(FANTAIL_SUBSCRIBER);
    ASSERT_EQ(fantail_subscribe(subscriber.get(), "a", 1), FANTAIL_OK);
    join(publisher, subscriber);
    EXPECT_EQ(text_of(receive(publisher)),
              "\x01"
              "a");
    ASSERT_EQ(fantail_send_bytes(publisher.get(), "b1", 2, 0), FANTAIL_OK);
    ASSERT_EQ(fantail_send_bytes(publisher.get(), "a1", 2, 0), FANTAIL_OK);
    EXPECT_EQ(text_of(receive(subscriber)), "a1");
    EXPECT_EQ(fantail_unsubscribe(subscriber.get(), "b", 1), FANTAIL_INVALID_ARGUMENT);
}

TEST(CApi, TellsEventsWithTheirTexts) {
    const Socket listens = make(FANTAIL_PULL), connects = make(FANTAIL_PUSH);
    join(listens, connects);
    fantail_event event;
    do ASSERT_EQ(fantail_next_event(connects.get(), &event, wait_ms), FANTAIL_OK);
    while (event.type != FANTAIL_EVENT_READY);
    EXPECT_EQ(std::string_view(event.endpoint).substr(0, 16), "tcp://127.0.0.1:");
}

/// Lets in one user or one key, and remembers who asked.
struct Door {
    std::string user;
    std::uint8_t key[32] = {};
    static int admit_user(void* hint, const char* user, const char* password) {
        return static_cast<Door*>(hint)->user == std::string(user) + ":" + password ? 1 : 0;
    }
    static int admit_key(void* hint, const std::uint8_t* client) {
        std::memcpy(static_cast<Door*>(hint)->key, client, 32);
        return 1;
    }
};

TEST(CApi, AsksTheProgramWhomToLetInByPlain) {
    Door door{.user = "ann:secret"};
    const Options server(fantail_options_new()), client(fantail_options_new());
    fantail_options_plain_server(server.get(), Door::admit_user, &door);
    fantail_options_plain_client(client.get(), "ann", "secret");
    const Socket pull = make(FANTAIL_PULL, server), push = make(FANTAIL_PUSH, client);
    join(pull, push);
    ASSERT_EQ(fantail_send_bytes(push.get(), "in", 2, wait_ms), FANTAIL_OK);
    EXPECT_EQ(text_of(receive(pull)), "in");
}

TEST(CApi, EncryptsByCurve) {
    std::uint8_t open[32], secret[32], own_open[32], own_secret[32];
    fantail_make_curve_keys(open, secret);
    fantail_make_curve_keys(own_open, own_secret);
    Door door;
    const Options server(fantail_options_new()), client(fantail_options_new());
    fantail_options_curve_server(server.get(), secret, Door::admit_key, &door);
    fantail_options_curve_client(client.get(), open, own_secret);
    const Socket pull = make(FANTAIL_PULL, server), push = make(FANTAIL_PUSH, client);
    join(pull, push);
    ASSERT_EQ(fantail_send_bytes(push.get(), "in", 2, wait_ms), FANTAIL_OK);
    EXPECT_EQ(text_of(receive(pull)), "in");
    EXPECT_EQ(std::memcmp(door.key, own_open, 32), 0);
}

TEST(CApi, AcknowledgesAndRetriesInALane) {
    const Options options(fantail_options_new());
    static std::string letter;
    letter.clear();
    fantail_options_set(options.get(), "lane.attempts_max", 1);
    fantail_options_dead_letter(
        options.get(),
        [](void*, fantail_message* message, std::uint32_t attempts) {
            letter = text_of(Message(message)) + " after " + std::to_string(attempts);
        },
        nullptr);
    const Socket receiver = make(FANTAIL_LANE_RECEIVER), sender = make(FANTAIL_LANE_SENDER, options);
    join(receiver, sender);
    ASSERT_EQ(fantail_send_bytes(sender.get(), "one", 3, wait_ms), FANTAIL_OK);
    ASSERT_EQ(fantail_send_bytes(sender.get(), "two", 3, wait_ms), FANTAIL_OK);
    EXPECT_EQ(fantail_lane_unacknowledged(sender.get()), 2u);

    fantail_message* message = nullptr;
    fantail_place place;
    ASSERT_EQ(fantail_lane_receive(receiver.get(), &message, &place, wait_ms), FANTAIL_OK);
    EXPECT_EQ(text_of(Message(message)), "one");
    EXPECT_EQ(place.number, 1u);
    EXPECT_EQ(place.redelivered, 0);
    char key[64];
    fantail_lane_key(&place, key);
    EXPECT_EQ(std::string_view(key).substr(32), "-1");
    ASSERT_EQ(fantail_lane_ack(receiver.get(), &place), FANTAIL_OK);

    ASSERT_EQ(fantail_lane_receive(receiver.get(), &message, &place, wait_ms), FANTAIL_OK);
    fantail_message_free(message);
    ASSERT_EQ(fantail_lane_retry(receiver.get(), &place), FANTAIL_OK);
    ASSERT_EQ(fantail_lane_wait(sender.get(), wait_ms), FANTAIL_OK) << fantail_error_text();
    EXPECT_EQ(letter, "two after 1");
}

TEST(CApi, PostsToAJournalOnDiskThatOutlivesItsSender) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("fantail-c-lane-" + std::to_string(::getpid()));
    const Options options(fantail_options_new());
    const std::string directory = folder.string();
    ASSERT_EQ(fantail_options_set(options.get(), "lane.journal", 2), FANTAIL_OK);
    ASSERT_EQ(fantail_options_set(options.get(), "lane.journal", 3), FANTAIL_INVALID_ARGUMENT);
    ASSERT_EQ(fantail_options_set(options.get(), "linger", 0), FANTAIL_OK);
    ASSERT_EQ(fantail_options_set_bytes(options.get(), "lane.journal_directory", directory.data(), directory.size()),
              FANTAIL_OK);
    {
        const Socket sender = make(FANTAIL_LANE_SENDER, options);
        std::uint64_t number = 0;
        ASSERT_EQ(fantail_lane_post(sender.get(), fantail_message_new("one", 3), nullptr, 0), FANTAIL_OK)
            << fantail_error_text();
        ASSERT_EQ(fantail_lane_post(sender.get(), fantail_message_new("two", 3), &number, 0), FANTAIL_OK);
        EXPECT_EQ(number, 2u);
        ASSERT_EQ(fantail_lane_flush(sender.get()), FANTAIL_OK);
        EXPECT_EQ(fantail_lane_durable(sender.get()), 2u);
        EXPECT_EQ(fantail_connect(make(FANTAIL_LANE_SENDER, options).get(), "tcp://127.0.0.1:1"),
                  FANTAIL_JOURNAL_FAILED);
    }
    EXPECT_EQ(fantail_lane_unacknowledged(make(FANTAIL_LANE_SENDER, options).get()), 2u);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fantail
