// SPDX-License-Identifier: Apache-2.0
//! Output buffers of one core, lent to connections only while they have something to send.
#pragma once

#include <vector>

#include "base/bytes.hpp"

namespace fantail::runtime {

/// Keeps a bounded number of buffers with their memory: first touch of fresh memory is slow. Single-threaded.
class BufferPool {
public:
    [[nodiscard]] Bytes take() {
        if (free_.empty()) return {};
        Bytes buffer = std::move(free_.back());
        free_.pop_back();
        return buffer;
    }
    void give(Bytes buffer) {
        if (buffer.capacity() == 0 || buffer.capacity() > buffer_size_max || free_.size() >= buffers_max) return;
        buffer.clear();
        free_.push_back(std::move(buffer));
    }
    void clear() { free_.clear(); }

private:
    static constexpr std::size_t buffers_max = 32;
    static constexpr std::size_t buffer_size_max = 1u << 20;
    std::vector<Bytes> free_;
};

}  // namespace fantail::runtime
