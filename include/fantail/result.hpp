// SPDX-License-Identifier: Apache-2.0
//! result<T>: a value, or the error that kept it from being made. The one error mechanism of the library; nothing throws.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace fantail {

/// What went wrong, as far as a program may want to react to it.
enum class errc : std::uint8_t {
    would_block = 1,   ///< nothing to receive, or no room to send, and the caller did not want to wait
    timed_out,         ///< the deadline has passed
    closed,            ///< the socket is closed
    wrong_state,       ///< a request before its reply, a reply without a request
    no_route,          ///< no peer of that routing id (`options::router.mandatory`)
    peer_gone,         ///< the peer that was asked has gone; ask again
    invalid_argument,  ///< a malformed address, option or message
    address_in_use,    ///< somebody else listens there
    unreachable,       ///< no such name, no permission, no such interface
    exhausted,         ///< descriptors, memory or the disk have run out
    system,            ///< the kernel reported something else; the sentence has its words
    journal_failed,    ///< a lane's journal on disk cannot be opened or takes nothing any more; the sentence says why
};

/// The name of a code: `timed_out`.
[[nodiscard]] std::string_view name_of(errc code) noexcept;

/// A code to react to and a sentence for people. The sentence may be empty where the code says all.
class error {
public:
    error(errc code,
          std::string sentence = {})  // NOLINT(google-explicit-constructor): `return errc::closed;` reads well
        : code_(code), sentence_(std::move(sentence)) {}
    [[nodiscard]] errc code() const noexcept { return code_; }
    /// `timed_out: no peer within 100 ms`
    [[nodiscard]] std::string text() const {
        std::string out(name_of(code_));
        return sentence_.empty() ? out : out + ": " + sentence_;
    }

private:
    errc code_;
    std::string sentence_;
};

/// A T or an error. Test it, then take the value; taking the value of a failed one ends the program.
template <class T = void>
class [[nodiscard]] result {
public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT(google-explicit-constructor)
    result(fantail::error e) : state_(std::in_place_index<1>, std::move(e)) {}   // NOLINT(google-explicit-constructor)
    result(errc code) : state_(std::in_place_index<1>, fantail::error(code)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }
    [[nodiscard]] T& value() & { return check(), *std::get_if<0>(&state_); }
    [[nodiscard]] const T& value() const& { return check(), *std::get_if<0>(&state_); }
    [[nodiscard]] T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    /// Only of a failed one.
    [[nodiscard]] const fantail::error& error() const { return *std::get_if<1>(&state_); }

private:
    void check() const {
        if (!ok()) std::abort();
    }
    std::variant<T, fantail::error> state_;
};

template <>
class [[nodiscard]] result<void> {
public:
    result() = default;
    result(fantail::error e) : error_(std::move(e)) {}   // NOLINT(google-explicit-constructor)
    result(errc code) : error_(fantail::error(code)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return ok(); }
    /// Only of a failed one.
    [[nodiscard]] const fantail::error& error() const { return *error_; }

private:
    std::optional<fantail::error> error_;
};

}  // namespace fantail
