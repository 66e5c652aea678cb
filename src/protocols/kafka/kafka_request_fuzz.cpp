// SPDX-License-Identifier: Apache-2.0
//! Fuzzes what a Kafka broker decodes: frames, request headers, requests, and messages found inside of them.
#include "protocols/kafka/frame.hpp"
#include "protocols/kafka/fuzz_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail::kafka;
    static const auto messages = messages_decoded_by(true);
    const fantail::ByteView in(data, size);
    Frame frame;
    (void)next_frame(in, request_size_max, frame);
    (void)decode_request_header(in);
    fuzz_message(messages, in);
    return 0;
}
