// SPDX-License-Identifier: Apache-2.0
//! Arbitrary bytes as a lane's state: what is taken is encoded to the same again.
#include "patterns/lane_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    const auto state = patterns::decode_lane_state({data, size});
    if (!state) return 0;
    const auto again = patterns::decode_lane_state(patterns::encode(*state));
    FANTAIL_ASSERT(again && *again == *state);
    return 0;
}
