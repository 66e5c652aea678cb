// SPDX-License-Identifier: Apache-2.0
//! Memory aligned for direct I/O, owned by one holder.
#pragma once

#include <cstdlib>
#include <memory>

#include "base/bytes.hpp"

namespace fantail::sys {

/// Offsets, lengths and addresses of direct I/O are multiples of this, in bytes.
inline constexpr std::size_t block_size = 4096;

[[nodiscard]] constexpr std::uint64_t round_up_to_block(std::uint64_t n) {
    return (n + block_size - 1) / block_size * block_size;
}

/// `size` bytes (a multiple of block_size) at an address that is a multiple of block_size. Contents start undefined.
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t size)
        : data_(static_cast<std::uint8_t*>(std::aligned_alloc(block_size, round_up_to_block(size)))),
          size_(round_up_to_block(size)) {
        FANTAIL_ASSERT(data_ != nullptr);
    }
    [[nodiscard]] std::uint8_t* data() { return data_.get(); }
    [[nodiscard]] const std::uint8_t* data() const { return data_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] MutableBytes bytes() { return {data(), size_}; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

private:
    struct Free {
        void operator()(std::uint8_t* p) const { std::free(p); }
    };
    std::unique_ptr<std::uint8_t, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace fantail::sys
