// SPDX-License-Identifier: Apache-2.0
//! What an engine waits for.
#pragma once

namespace fantail::lib {

/// Something with a descriptor in an engine's poll set; its address is the tag.
class Pollable {
public:
    Pollable() = default;
    Pollable(const Pollable&) = delete;
    Pollable& operator=(const Pollable&) = delete;
    virtual ~Pollable() = default;
    virtual void on_ready(bool readable, bool writable) = 0;
};

}  // namespace fantail::lib
