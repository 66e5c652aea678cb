// SPDX-License-Identifier: Apache-2.0
//! Random Kafka messages, their description as text, and a table of all of them: for tests and fuzzers.
#pragma once

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "protocols/kafka/codec.hpp"
#include "protocols/kafka/link.hpp"

namespace fantail::kafka {

/// Makes values for the fields of a message: a third of the numbers at the edges of their range, some small, and some texts that
/// a broker may know. The views in them live as long as it.
class RandomMessage {
public:
    RandomMessage(std::uint64_t seed, std::int16_t version) : engine_(seed), version_(version) {}

    [[nodiscard]] std::int16_t version() const { return version_; }
    std::size_t upto(std::size_t max) { return std::uniform_int_distribution<std::size_t>(0, max)(engine_); }

    template <std::integral T>
    void fill(T& out) {
        switch (upto(8)) {
            case 0: out = std::numeric_limits<T>::min(); break;
            case 1: out = std::numeric_limits<T>::max(); break;
            case 2: out = static_cast<T>(-1); break;
            case 3:
            case 4: out = static_cast<T>(upto(3)); break;
            default: out = static_cast<T>(engine_()); break;
        }
    }
    void fill(bool& out) { out = upto(1) == 1; }
    void fill(double& out) { out = std::bit_cast<double>(engine_()); }
    void fill(ApiError& out) { out = ApiError{static_cast<std::int16_t>(engine_())}; }
    void fill(Uuid& out) {
        if (upto(1) == 0) out = to_uuid(TopicId(upto(4)));
        else
            for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(engine_());
    }
    void fill(std::string_view& out) { out = text(); }
    void fill(ByteView& out) { out = as_bytes(text()); }
    void fill(Pieces& out) {
        fill(out.first);
        auto& more = pieces_.emplace_back(upto(2));
        for (ByteView& piece : more) fill(piece);
        out.more = more;
    }
    template <class T>
    void fill(std::vector<T>& out) {
        out.resize(upto(9) == 0 ? 0 : upto(3));
        for (T& element : out) fill(element);
    }
    template <class T>
        requires std::is_class_v<T>
    void fill(T& out) {
        // Of the generated code, by the type's namespace.
        fill_fields(*this, out);
    }
    template <class T>
    void fill_nullable(std::optional<T>& out, bool null_allowed) {
        if (!null_allowed || upto(2) != 0) fill(out.emplace());
    }

private:
    std::string_view text() {
        static constexpr std::string_view known[] = {
            "t",  "u",     "compacted", "g", "h",     "cleanup.policy", "compact", "delete", "retention.ms",
            "-1", "PLAIN", "consumer",  "1", "a.name"};
        if (upto(2) == 0) return known[upto(std::size(known) - 1)];
        // Lengths whose encoding takes one byte, two, and three, long ones seldom.
        const std::size_t size_max = upto(15) != 0 ? 8 : upto(15) != 0 ? 300 : 20'000;
        std::string& out = texts_.emplace_back(upto(size_max), '\0');
        for (char& c : out) c = static_cast<char>(engine_());
        return out;
    }
    std::mt19937_64 engine_;
    std::int16_t version_;
    std::deque<std::string> texts_;
    std::deque<std::vector<ByteView>> pieces_;
};

/// Text that is the same for messages whose fields are the same.
class Description {
public:
    template <class T>
    void field(std::string_view name, const T& value) {
        text_ += name;
        text_ += '=';
        add(value);
        text_ += ' ';
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    template <std::integral T>
    void add(T value) {
        text_ += std::to_string(value);
    }
    void add(ApiError value) { add(static_cast<std::int16_t>(value)); }
    void add(double value) { add(std::bit_cast<std::uint64_t>(value)); }
    void add(const Uuid& value) { add(ByteView(value.bytes)); }
    void add(std::string_view value) {
        text_ += '"';
        for (const char c : value) {
            if (c > ' ' && c < '\x7F' && c != '"' && c != '\\') text_ += c;
            else text_ += '\\' + std::to_string(static_cast<unsigned char>(c));
        }
        text_ += '"';
    }
    void add(ByteView value) { add(as_text(value)); }
    void add(const Pieces& value) {
        Bytes joined = to_bytes(value.first);
        for (const ByteView piece : value.more) append(joined, piece);
        add(ByteView(joined));
    }
    template <class T>
    void add(const std::optional<T>& value) {
        if (value) add(*value);
        else text_ += "null";
    }
    template <class T>
    void add(const std::vector<T>& value) {
        text_ += '[';
        for (const T& element : value) {
            add(element);
            text_ += ' ';
        }
        text_ += ']';
    }
    template <class T>
        requires std::is_class_v<T>
    void add(const T& value) {
        text_ += '{';
        describe_fields(*this, value);
        text_ += '}';
    }
    std::string text_;
};

/// One message of the schema, whatever its type.
struct TestMessage {
    std::string_view name;
    VersionRange versions;
    bool broker_decodes = false;  ///< a request, or what is inside of one
    /// Appends a random message and returns its description.
    std::string (*encode_random)(Bytes& out, std::uint64_t seed, std::int16_t version);
    /// Decodes a message, describes it, and appends its encoding to `again`.
    Result<std::string> (*decode_and_encode)(ByteView body, std::int16_t version, Bytes& again);
};

template <class M>
TestMessage message_of(bool broker_decodes) {
    return {M::message_name, M::versions, broker_decodes,
            [](Bytes& out, std::uint64_t seed, std::int16_t version) {
                RandomMessage random(seed, version);
                M message;
                random.fill(message);
                encode(out, message, version);
                Description description;
                describe_fields(description, message);
                return description.text();
            },
            [](ByteView body, std::int16_t version, Bytes& again) -> Result<std::string> {
                FANTAIL_TRY(const M message, decode<M>(body, version));
                encode(again, message, version);
                Description description;
                describe_fields(description, message);
                return description.text();
            }};
}

/// Every message that the schema has.
[[nodiscard]] std::vector<TestMessage> all_messages();

}  // namespace fantail::kafka
