// SPDX-License-Identifier: Apache-2.0
//! Messages: one or more parts, moved and never copied behind your back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace fantail {

using byte_view = std::span<const std::uint8_t>;

/// One part of a message: bytes that belong to it. Up to 47 bytes lie in the part itself; more lie in a block that
/// parts share by counting. Move-only; `share()` makes a second owner of the same bytes. Shared bytes must not be written.
class part {
public:
    static constexpr std::size_t inline_max = 47;

    part() noexcept { small_.tag = 0; }
    /// A copy of `bytes`.
    explicit part(byte_view bytes) : part(with_size(bytes.size())) {
        if (!bytes.empty()) std::memcpy(data(), bytes.data(), bytes.size());
    }
    explicit part(std::string_view text)
        : part(byte_view{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}) {}
    part(part&& other) noexcept { steal(other); }
    part& operator=(part&& other) noexcept {
        if (this != &other) {
            release();
            steal(other);
        }
        return *this;
    }
    part(const part&) = delete;
    part& operator=(const part&) = delete;
    ~part() { release(); }

    /// `size` bytes of undefined content, to be written through data().
    [[nodiscard]] static part with_size(std::size_t size);
    /// Takes over memory that is not copied; `release(data, hint)` runs once the last owner is gone, on any thread.
    [[nodiscard]] static part adopt(void* data, std::size_t size, void (*release)(void* data, void* hint), void* hint);

    [[nodiscard]] std::size_t size() const noexcept { return is_large() ? large_.size : small_.tag; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] const std::uint8_t* data() const noexcept { return is_large() ? large_.data : small_.bytes; }
    [[nodiscard]] std::uint8_t* data() noexcept { return is_large() ? large_.data : small_.bytes; }
    [[nodiscard]] byte_view bytes() const noexcept { return {data(), size()}; }
    [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data()), size()}; }
    /// Another owner of the same bytes (a copy if they lie inline).
    [[nodiscard]] part share() const noexcept;
    /// Whether the bytes lie in the part itself.
    [[nodiscard]] bool is_inline() const noexcept { return !is_large(); }
    /// Keeps the first `size` bytes, at most what there is.
    void truncate(std::size_t size) noexcept {
        if (size >= this->size()) return;
        if (is_large()) large_.size = size;
        else small_.tag = static_cast<std::uint8_t>(size);
    }

    /// Drops the first `size` bytes, at most what there is.
    void skip(std::size_t size) noexcept {
        const std::size_t before = this->size();
        const std::size_t gone = size < before ? size : before;
        if (is_large()) {
            large_.data += gone;
            large_.size -= gone;
            return;
        }
        std::memmove(small_.bytes, small_.bytes + gone, before - gone);
        small_.tag = static_cast<std::uint8_t>(before - gone);
    }

private:
    /// Before the bytes of its own, or alone for adopted ones.
    struct block {
        std::atomic<std::uint32_t> owners{1};
        void (*release)(void*, void*) = nullptr;
        void* data = nullptr;
        void* hint = nullptr;
    };
    static constexpr std::uint8_t large_tag = 0xFF;
    struct small {
        std::uint8_t bytes[inline_max];
        std::uint8_t tag;  ///< the size, or large_tag
    };
    struct large {
        block* owner;
        std::uint8_t* data;
        std::size_t size;
        std::uint8_t unused[23];
        std::uint8_t tag;
    };

    [[nodiscard]] bool is_large() const noexcept { return small_.tag == large_tag; }
    void steal(part& other) noexcept {
        std::memcpy(static_cast<void*>(&small_), &other.small_, sizeof small_);
        other.small_.tag = 0;
    }
    void release() noexcept {
        if (is_large()) drop(large_.owner);
    }
    static void drop(block* owner) noexcept;

    union {
        small small_;
        large large_;
    };
};
static_assert(sizeof(part) == 48);

inline part part::with_size(std::size_t size) {
    part p;
    if (size <= inline_max) {
        p.small_.tag = static_cast<std::uint8_t>(size);
        return p;
    }
    void* memory = std::malloc(sizeof(block) + size);
    if (memory == nullptr) std::abort();
    p.large_ = {new (memory) block, static_cast<std::uint8_t*>(memory) + sizeof(block), size, {}, large_tag};
    return p;
}

inline part part::adopt(void* data, std::size_t size, void (*release)(void*, void*), void* hint) {
    void* memory = std::malloc(sizeof(block));
    if (memory == nullptr) std::abort();
    auto* owner = new (memory) block;
    owner->release = release;
    owner->data = data;
    owner->hint = hint;
    part p;
    p.large_ = {owner, static_cast<std::uint8_t*>(data), size, {}, large_tag};
    return p;
}

inline part part::share() const noexcept {
    part p;
    std::memcpy(static_cast<void*>(&p.small_), &small_, sizeof small_);
    if (is_large()) large_.owner->owners.fetch_add(1, std::memory_order_relaxed);
    return p;
}

inline void part::drop(block* owner) noexcept {
    if (owner->owners.load(std::memory_order_acquire) != 1 &&
        owner->owners.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    if (owner->release != nullptr) owner->release(owner->data, owner->hint);
    std::free(owner);
}

/// What is sent and received as a whole: parts, at least one. Move-only. A received message of a router begins with the
/// routing id of its sender.
class message {
public:
    /// One empty part.
    message() noexcept = default;
    message(part first) noexcept : first_(std::move(first)) {}  // NOLINT(google-explicit-constructor)
    message(std::string_view text) : first_(text) {}  // NOLINT(google-explicit-constructor): "text" is a message
    message(const char* text) : message(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
    explicit message(byte_view bytes) : first_(bytes) {}
    message(message&&) noexcept = default;
    message& operator=(message&&) noexcept = default;

    /// How many parts, 1 or more.
    [[nodiscard]] std::size_t size() const noexcept { return rest_ ? rest_->size() + 1 : 1; }
    /// \param i below size()
    [[nodiscard]] const part& operator[](std::size_t i) const noexcept { return i == 0 ? first_ : (*rest_)[i - 1]; }
    [[nodiscard]] part& operator[](std::size_t i) noexcept { return i == 0 ? first_ : (*rest_)[i - 1]; }
    /// Of the last part, which is the body when parts before it are an envelope.
    [[nodiscard]] const part& body() const noexcept { return rest_ && !rest_->empty() ? rest_->back() : first_; }
    [[nodiscard]] byte_view bytes() const noexcept { return body().bytes(); }
    [[nodiscard]] std::string_view text() const noexcept { return body().text(); }
    /// Bytes of all parts.
    [[nodiscard]] std::size_t bytes_total() const noexcept {
        std::size_t n = 0;
        for (std::size_t i = 0; i < size(); ++i) n += (*this)[i].size();
        return n;
    }

    message& add(part p) {
        if (!rest_) rest_ = std::make_unique<std::vector<part>>();
        rest_->push_back(std::move(p));
        return *this;
    }
    message& add(std::string_view text) { return add(part(text)); }
    message& add_first(part p) {
        if (!rest_) rest_ = std::make_unique<std::vector<part>>();
        rest_->insert(rest_->begin(), std::move(first_));
        first_ = std::move(p);
        return *this;
    }
    /// Removes and returns the first part; the last one left is replaced by an empty one.
    part take_first() {
        part p = std::move(first_);
        if (rest_ && !rest_->empty()) {
            first_ = std::move(rest_->front());
            rest_->erase(rest_->begin());
        }
        return p;
    }
    /// A second message with the same bytes: large parts are shared, small ones copied.
    [[nodiscard]] message share() const {
        message m(first_.share());
        for (std::size_t i = 1; i < size(); ++i) m.add((*this)[i].share());
        m.tag_ = tag_;
        return m;
    }

    /// Used by the library between its layers; 0 in messages of programs.
    [[nodiscard]] std::uint32_t tag() const noexcept { return tag_; }
    void set_tag(std::uint32_t tag) noexcept { tag_ = tag; }

private:
    part first_;
    std::unique_ptr<std::vector<part>> rest_;
    std::uint32_t tag_ = 0;
};
static_assert(sizeof(message) == 64);

}  // namespace fantail
