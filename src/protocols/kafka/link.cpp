// SPDX-License-Identifier: Apache-2.0
//! Endpoints, administrators and ids of topics.
#include "protocols/kafka/link.hpp"

#include <algorithm>
#include <charconv>

namespace fantail::kafka {

namespace {

constexpr std::uint64_t uuid_first_half = 0x4661'6e74'6169'4c01;

}  // namespace

std::string Link::client_host() const {
    const std::string_view address = host().peer().address;
    std::string out("/");
    out += address.substr(0, std::min(address.rfind(':'), address.size()));
    return out;
}

bool Link::is_administrator() const {
    const broker::UserDefinition* definition = catalog().user(user());
    return definition != nullptr && std::ranges::find(definition->tags, "administrator") != definition->tags.end();
}

Endpoint Link::endpoint() const {
    const std::string_view local = host().peer().local_address;
    const std::size_t colon = local.rfind(':');
    Endpoint out;
    if (colon != std::string_view::npos) {
        std::string_view name = local.substr(0, colon);
        if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
        out.host = name;
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), out.port);
    }
    if (!options().advertised_host.empty()) out.host = options().advertised_host;
    if (options().advertised_port != 0) out.port = options().advertised_port;
    return out;
}

Uuid to_uuid(TopicId id) {
    Uuid out;
    if (id == TopicId()) return out;
    store_be(out.bytes.data(), uuid_first_half);
    store_be(out.bytes.data() + 8, id.value);
    return out;
}

TopicId to_topic_id(const Uuid& uuid) {
    if (load_be<std::uint64_t>(uuid.bytes.data()) != uuid_first_half) return {};
    return TopicId(load_be<std::uint64_t>(uuid.bytes.data() + 8));
}

}  // namespace fantail::kafka
