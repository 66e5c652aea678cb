// SPDX-License-Identifier: Apache-2.0
//! Bodies and headers of simulated messages.
#include "sim/client_words.hpp"

#include "sim/random.hpp"

namespace fantail::sim {

Bytes body_of(std::uint64_t id, std::size_t size) {
    Bytes body(size);
    Random words(id);
    for (std::size_t at = 0; at < size; at += 8) {
        const std::uint64_t word = at == 0 ? id : words.next();
        std::memcpy(body.data() + at, &word, std::min<std::size_t>(8, size - at));
    }
    return body;
}

std::uint64_t id_of(ByteView body) {
    std::uint64_t id = 0;
    if (body.size() >= sizeof id) std::memcpy(&id, body.data(), sizeof id);
    return id;
}

Bytes properties_of(const Message& message) {
    record::Properties properties;
    properties.delivery_mode = message.persistent ? 2 : 1;
    if (message.priority > 0) properties.priority = message.priority;
    const std::string expiration = std::to_string(message.ttl_ms);
    if (message.ttl_ms > 0) properties.expiration = expiration;
    if (!message.dedup.empty()) properties.message_id = message.dedup;
    record::FieldTableBuilder headers;
    for (const auto& [name, value] : message.headers) headers.set_text(name, value);
    if (message.delay_ms > 0) headers.set_int("x-delay", message.delay_ms);
    if (!headers.view().empty()) properties.headers = headers.view();
    Bytes out;
    properties.encode(out);
    return out;
}

Delivered delivered_of(std::uint64_t id, const record::Properties& properties) {
    Delivered delivered;
    delivered.id = id;
    if (!properties.headers) return delivered;
    const auto text = [&](const char* name) {
        const auto value = properties.headers->find(name);
        const auto read = value ? value->as_text() : std::nullopt;
        return read ? std::string(*read) : std::string();
    };
    if (const auto offset = properties.headers->find("x-stream-offset"))
        delivered.stream_offset = offset->as_int().value_or(-1);
    delivered.first_death_queue = text("x-first-death-queue");
    delivered.first_death_reason = text("x-first-death-reason");
    return delivered;
}

}  // namespace fantail::sim
