// SPDX-License-Identifier: Apache-2.0
//! Fuzzes what a Kafka client decodes: the responses, by the code that tests and drivers use.
#include "protocols/kafka/fuzz_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail::kafka;
    static const auto messages = messages_decoded_by(false);
    fuzz_message(messages, {data, size});
    return 0;
}
