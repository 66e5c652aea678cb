// SPDX-License-Identifier: Apache-2.0
//! Fuzzes SCRAM's two client messages: whatever comes, nobody gets in without the proof.
//
// The input is client-first, a newline, and client-final.
#include "protocols/sasl/scram_server.hpp"
#include "base/assert.hpp"

namespace fantail::sasl {
namespace {

void run(std::string_view input) {
    const std::size_t middle = input.find('\n');
    ScramServer server(ScramMechanism::sha_256);
    const auto begun = server.begin(input.substr(0, middle));
    if (!begun) return;
    FANTAIL_ASSERT(!server.user().empty() && !server.user().contains('\0'));
    // Nobody can prove this one: the keys are no hashes of anything.
    const std::string challenge = server.challenge({.iterations = scram_iterations_min,
                                                    .salt = to_bytes(as_bytes("salt")),
                                                    .stored_key = Bytes(32, 1),
                                                    .server_key = Bytes(32, 2)},
                                                   "ours");
    FANTAIL_ASSERT(challenge.starts_with("r=") && challenge.ends_with("ours,s=c2FsdA==,i=4096"));
    if (middle != std::string_view::npos) FANTAIL_ASSERT(!server.finish(input.substr(middle + 1)));
}

}  // namespace
}  // namespace fantail::sasl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fantail::sasl::run(fantail::as_text({data, size}));
    return 0;
}
