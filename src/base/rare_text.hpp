// SPDX-License-Identifier: Apache-2.0
//! A text that is nearly always empty.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace fantail {

/// Reads like a string, is replaced as a whole, and takes one pointer where a string takes 32 bytes.
class RareText {
public:
    RareText() = default;
    RareText(std::string text)  // NOLINT(google-explicit-constructor): a text stands for its handle
        : text_(text.empty() ? nullptr : std::make_unique<const std::string>(std::move(text))) {}
    RareText(const RareText& other) : RareText(std::string(other.view())) {}
    RareText(RareText&&) = default;
    RareText& operator=(RareText other) noexcept {
        text_.swap(other.text_);
        return *this;
    }
    ~RareText() = default;

    [[nodiscard]] std::string_view view() const { return text_ ? std::string_view(*text_) : std::string_view(); }
    operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
    [[nodiscard]] bool empty() const { return text_ == nullptr; }
    [[nodiscard]] bool operator==(const RareText& other) const { return view() == other.view(); }
    [[nodiscard]] bool operator==(std::string_view other) const { return view() == other; }

private:
    std::unique_ptr<const std::string> text_;
};

}  // namespace fantail
