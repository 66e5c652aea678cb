// SPDX-License-Identifier: Apache-2.0
//! Tests of lanes whose journal is in files: what the next sender of the directory finds, and what is told when it cannot be written.
#include "lib/lane_disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "fantail/fantail.hpp"
#include "storage/lane/simulated_lane_files.hpp"

namespace fantail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr milliseconds patience{20'000};

/// A directory that is gone afterwards.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "fantail-lane-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string lane() const { return path_ + "/lane"; }

private:
    std::string path_;
};

options kept_in(const std::string& directory, lane_journal journal = lane_journal::disk) {
    options settings;
    settings.reconnect = {.delay_min = 1ms, .delay_max = 20ms};
    settings.linger = 0ms;
    settings.lane.journal = journal;
    settings.lane.journal_directory = directory;
    return settings;
}

std::string bound(socket& s) {
    auto where = s.bind("tcp://127.0.0.1:*");
    EXPECT_TRUE(where.ok());
    return where.ok() ? *where : std::string();
}

/// The next message and its number, `2:b*` if it is marked as redelivered.
std::string next(lane_receiver& in, std::string* key = nullptr) {
    auto got = in.receive(patience);
    if (!got) return got.error().text();
    if (key != nullptr) *key = got->key();
    return std::to_string(got->number) + ":" + std::string(got->content.text()) + (got->redelivered ? "*" : "");
}

TEST(LaneDisk, TheNextSenderOfItsDirectoryIsTheSameLane) {
    for (const lane_journal journal : {lane_journal::os, lane_journal::disk}) {
        const Folder folder;
        std::string key;
        {
            lane_sender out(kept_in(folder.lane(), journal));
            ASSERT_TRUE(out.send("a").ok());
            message two("b");
            two.add("second part");
            ASSERT_TRUE(out.send(std::move(two)).ok());
            ASSERT_TRUE(out.send(std::string_view(std::string(300'000, 'c'))).ok());
            EXPECT_EQ(out.durable(), 3u);
            lane_receiver in;
            ASSERT_TRUE(out.connect(bound(in)));
            ASSERT_EQ(next(in), "1:a");
            auto got = in.receive(patience);
            ASSERT_TRUE(got.ok());
            ASSERT_EQ(got->content.size(), 2u);
            EXPECT_EQ(got->content[0].text(), "b");
            key = got->key();
        }
        lane_sender out(kept_in(folder.lane(), journal));
        EXPECT_EQ(out.unacknowledged(), 3u);
        EXPECT_EQ(out.durable(), 3u);
        lane_receiver in;
        ASSERT_TRUE(out.connect(bound(in)));
        EXPECT_EQ(next(in), "1:a*");
        std::string again;
        EXPECT_EQ(next(in, &again), "2:second part*");
        EXPECT_EQ(again, key) << "the same lane";
        auto got = in.receive(patience);
        ASSERT_TRUE(got.ok());
        EXPECT_EQ(got->content.bytes_total(), 300'000u);
        ASSERT_TRUE(out.send("d").ok());
        got = in.receive(patience);
        ASSERT_TRUE(got.ok());
        EXPECT_EQ(got->number, 4u);
        EXPECT_FALSE(got->redelivered);
        ASSERT_TRUE(in.ack(*got).ok());
        ASSERT_TRUE(out.wait_acknowledged(patience).ok());
        out.close();
        EXPECT_EQ(lane_sender(kept_in(folder.lane(), journal)).unacknowledged(), 0u) << "acknowledgements are kept";
    }
}

TEST(LaneDisk, PostedMessagesAreNumberedAtOnceAndDurableByFlush) {
    const Folder folder;
    lane_sender out(kept_in(folder.lane()));
    lane_receiver in;
    ASSERT_TRUE(out.connect(bound(in)));
    for (std::uint64_t i = 1; i <= 2500; ++i) {
        auto number = out.post(std::string_view(std::string(1000, 'x')));
        ASSERT_TRUE(number.ok()) << number.error().text();
        ASSERT_EQ(*number, i);
    }
    ASSERT_TRUE(out.flush().ok());
    EXPECT_EQ(out.durable(), 2500u);
    for (std::uint64_t i = 1; i <= 2500; ++i) {
        auto got = in.receive(patience);
        ASSERT_TRUE(got.ok()) << got.error().text();
        ASSERT_EQ(got->number, i);
        ASSERT_TRUE(in.ack(*got).ok());
    }
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());
}

TEST(LaneDisk, WhatIsPostedAndForgottenBecomesDurableAndIsSentByItself) {
    const Folder folder;
    lane_sender out(kept_in(folder.lane()));
    lane_receiver in;
    ASSERT_TRUE(out.connect(bound(in)));
    ASSERT_TRUE(out.post("a").ok());
    EXPECT_EQ(next(in), "1:a");
}

TEST(LaneDisk, ASecondSenderIsRefusedByName) {
    const Folder folder;
    std::optional<lane_sender> first(kept_in(folder.lane()));
    {
        lane_sender second(kept_in(folder.lane()));
        for (const error& e : {second.connect("tcp://127.0.0.1:1").error(), second.bind("tcp://127.0.0.1:*").error(),
                               second.send("a").error(), second.flush().error()}) {
            EXPECT_EQ(e.code(), errc::journal_failed);
            EXPECT_THAT(e.text(), HasSubstr("locked"));
        }
    }
    ASSERT_TRUE(first->send("a").ok());
    first.reset();
    EXPECT_EQ(lane_sender(kept_in(folder.lane())).unacknowledged(), 1u);
}

TEST(LaneDisk, ADirectoryThatCannotBeIsNamed) {
    for (const char* directory : {"/proc/no-lane-here", ""}) {
        lane_sender out(kept_in(directory));
        auto sent = out.send("a");
        ASSERT_FALSE(sent.ok());
        EXPECT_EQ(sent.error().code(), errc::journal_failed);
        EXPECT_THAT(sent.error().text(), HasSubstr(*directory != '\0' ? directory : "journal_directory"));
    }
}

TEST(LaneDisk, DamageIsToldByFile) {
    const Folder folder;
    {
        lane_sender out(kept_in(folder.lane()));
        for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(out.send(text).ok());
    }
    const std::string path = folder.lane() + "/journal-00000000000000000001.log";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 + 48 + 16);
    file.put('X');
    file.close();
    lane_sender out(kept_in(folder.lane()));
    const error e = out.send("d").error();
    EXPECT_EQ(e.code(), errc::journal_failed);
    EXPECT_THAT(e.text(), HasSubstr(path));
}

TEST(LaneDisk, TheLimitsHoldForWhatAFormerLifeHasLeft) {
    const Folder folder;
    options settings = kept_in(folder.lane());
    settings.lane.journal_messages_max = 2;
    {
        lane_sender out(settings);
        ASSERT_TRUE(out.send("a").ok());
        ASSERT_TRUE(out.post("b").ok());
    }
    lane_sender out(settings);
    EXPECT_EQ(out.unacknowledged(), 2u) << "closing makes durable what was posted";
    EXPECT_EQ(out.send("c", 0ms).error().code(), errc::would_block);
}

TEST(Lane, WhatIsTooLargeForItsReceiverIsADeadLetter) {
    std::string dead;
    options sending;
    sending.lane.dead_letter = [&dead](const message& m, std::uint32_t) { dead = std::to_string(m.bytes_total()); };
    options receiving;
    receiving.message_size_max = 10'000;
    lane_sender out(sending);
    lane_receiver in(receiving);
    ASSERT_TRUE(out.connect(bound(in)));
    ASSERT_TRUE(out.send("small").ok());
    ASSERT_TRUE(out.send(std::string_view(std::string(10'000, 'x'))).ok());
    ASSERT_TRUE(out.send(std::string_view(std::string(9'700, 'y'))).ok());
    EXPECT_EQ(next(in), "1:small");
    auto got = in.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(got->number, 3u);
    ASSERT_TRUE(in.ack(*got).ok());
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());
    EXPECT_EQ(dead, "10000");
}

}  // namespace

namespace lib {
namespace {

using Kept = patterns::LaneStore::Kept;

/// A store over a simulated disk.
struct Disk {
    std::unique_ptr<LaneDisk> open(bool is_cached = false) {
        return std::make_unique<LaneDisk>(files, "/lane", is_cached);
    }
    storage::SimulatedFiles disk{1};
    storage::SimulatedLaneFiles files{disk};
};

TEST(LaneDiskStore, AFullDiskRefusesWithoutLosingAndABrokenOneForGood) {
    Disk d;
    auto store = d.open();
    ASSERT_EQ(store->append(message("a")), Kept::yes);
    ASSERT_EQ(store->commit(), Kept::yes);
    d.disk.faults().space_max = d.disk.used_space();
    const message large{std::string_view(std::string(9u << 20, 'x'))};
    EXPECT_EQ(store->append(large), Kept::no_room);
    EXPECT_NE(store->trouble(), "");
    EXPECT_EQ(store->append(message("b")), Kept::yes) << "the file that is there has room";
    d.disk.faults().space_max.reset();
    EXPECT_EQ(store->append(large), Kept::yes);
    EXPECT_EQ(store->commit(), Kept::yes);
    ASSERT_EQ(store->append(message("c")), Kept::yes);
    d.disk.faults().fail_write = 1;
    EXPECT_EQ(store->commit(), Kept::broken);
    EXPECT_EQ(store->append(message("d")), Kept::broken);
    store.reset();
    store = d.open();
    ASSERT_FALSE(store->is_unopened()) << store->trouble();
    EXPECT_GE(store->take_found().messages.size(), 3u);
}

TEST(LaneDiskStore, AfterACrashOfTheMachineTheLaneOfACacheIsAnotherOne) {
    Disk d;
    auto store = d.open(true);
    const patterns::LaneId before = store->id();
    for (const char* text : {"a", "b", "c"}) ASSERT_EQ(store->append(message(text)), Kept::yes);
    ASSERT_EQ(store->commit(), Kept::yes);
    ASSERT_EQ(
        store->save({.id = before, .sent_to = patterns::LaneState::SentTo::receiver, .acked = patterns::LaneNumber(1)}),
        Kept::yes);
    store.reset();
    store = d.open(true);
    EXPECT_EQ(store->id(), before);
    store.reset();
    d.files.boot = {2};
    store = d.open(true);
    EXPECT_NE(store->id(), before);
    const auto found = store->take_found();
    EXPECT_EQ(found.first.value, 2u);
    EXPECT_EQ(found.messages.size(), 2u);
    EXPECT_EQ(found.state.doubtful_end.value, 4u) << "all of it may have been given before";
}

}  // namespace
}  // namespace lib
}  // namespace fantail
