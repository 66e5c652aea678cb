// SPDX-License-Identifier: Apache-2.0
//! Peers that a file names.
#include "lib/peer_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fantail/fantail.hpp"

namespace fantail {
namespace {

using lib::addresses_in;
using lib::PeerFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr milliseconds patience{10'000};

/// A file that is replaced as a whole.
struct Named {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("fantail-peers-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    ~Named() { std::filesystem::remove(path); }
    void write(const std::string& text) const {
        const std::filesystem::path fresh = path.string() + ".new";
        std::ofstream(fresh) << text;
        std::filesystem::rename(fresh, path);
    }
    [[nodiscard]] std::string address() const { return "file://" + path.string(); }
};

TEST(PeerFile, HasAnAddressALineAndRemarks) {
    EXPECT_THAT(addresses_in("# workers\n tcp://b:1 \r\n\ntcp://a:1\ntcp://b:1\n#tcp://c:1"),
                ElementsAre("tcp://a:1", "tcp://b:1"));
    EXPECT_THAT(addresses_in(""), IsEmpty());
}

TEST(PeerFile, TellsWhatHasComeAndGoneOnce) {
    const Named file;
    file.write("a\nb\n");
    PeerFile peers(file.address(), file.path);
    auto news = peers.look();
    ASSERT_TRUE(news);
    EXPECT_THAT(news->come, ElementsAre("a", "b"));
    EXPECT_THAT(peers.look()->come, IsEmpty());
    file.write("b\nc\n");
    news = peers.look();
    ASSERT_TRUE(news);
    EXPECT_THAT(news->come, ElementsAre("c"));
    EXPECT_THAT(news->gone, ElementsAre("a"));
}

TEST(PeerFile, KeepsItsPeersWhileItIsMissingAndSaysSoOnce) {
    const Named file;
    file.write("a\n");
    PeerFile peers(file.address(), file.path);
    ASSERT_TRUE(peers.look());
    std::filesystem::remove(file.path);
    EXPECT_EQ(peers.look().error().code, ErrorCode::not_found);
    EXPECT_TRUE(peers.look());
    EXPECT_THAT(peers.peers(), ElementsAre("a"));
    file.write("a\nb\n");
    EXPECT_THAT(peers.look()->come, ElementsAre("b"));
}

TEST(PeerFile, IsRefusedAboveAMebibyte) {
    const Named file;
    file.write(std::string(PeerFile::size_max + 1, 'x'));
    EXPECT_EQ(PeerFile(file.address(), file.path).look().error().code, ErrorCode::too_large);
}

event wait_for(socket& s, event::type what) {
    while (true) {
        auto next = s.next_event(patience);
        if (!next || next->what == what) return next ? *next : event{};
    }
}

TEST(PeerFile, ConnectsToWhomItNamesAndLeavesThemWithTheirLines) {
    pull one, other;
    const std::string first = *one.bind("tcp://127.0.0.1:*"), second = *other.bind("tcp://127.0.0.1:*");
    const Named file;
    file.write(first + "\n");
    push work;
    ASSERT_TRUE(work.connect(file.address()));
    EXPECT_EQ(wait_for(work, event::type::ready).endpoint, first);
    file.write("# moved\n" + second + "\n");
    EXPECT_EQ(wait_for(work, event::type::ready).endpoint, second);
    ASSERT_TRUE(work.send("for the second"));
    EXPECT_EQ(other.receive(patience)->text(), "for the second");
    EXPECT_EQ(one.receive(milliseconds{0}).error().code(), errc::would_block);
    ASSERT_TRUE(work.disconnect(file.address()));
    EXPECT_EQ(work.send("for nobody", milliseconds{0}).error().code(), errc::would_block);
}

TEST(PeerFile, TellsOfALineThatIsNoAddress) {
    pull one;
    const Named file;
    file.write("nonsense\nfile:///etc/passwd\n" + *one.bind("tcp://127.0.0.1:*") + "\n");
    push work;
    ASSERT_TRUE(work.connect(file.address()));
    const event first = wait_for(work, event::type::connect_failed),
                second = wait_for(work, event::type::connect_failed);
    EXPECT_THAT(first.reason + second.reason, testing::AllOf(HasSubstr("nonsense"), HasSubstr("names no other file")));
    EXPECT_EQ(wait_for(work, event::type::ready).what, event::type::ready);
}

TEST(PeerFile, ThatIsNotThereIsRefusedAtOnce) {
    push work;
    EXPECT_EQ(work.connect("file:///nowhere/at/all").error().code(), errc::unreachable);
    EXPECT_EQ(work.bind("file:///etc/hosts").error().code(), errc::invalid_argument);
    EXPECT_EQ(work.disconnect("file:///nowhere/at/all").error().code(), errc::invalid_argument);
}

}  // namespace
}  // namespace fantail
