// SPDX-License-Identifier: Apache-2.0
//! fantail.h: messages, sockets, events and lanes, over the classes of fantail.hpp.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/c_api.hpp"
#include "patterns/api.hpp"

using fantail::byte_view;
using fantail::errc;
using fantail::milliseconds;
using fantail::patterns::Kind;

static_assert(static_cast<int>(Kind::pair) == FANTAIL_PAIR && static_cast<int>(Kind::pull) == FANTAIL_PULL &&
              static_cast<int>(Kind::surveyor) == FANTAIL_SURVEYOR && static_cast<int>(Kind::dish) == FANTAIL_DISH &&
              static_cast<int>(Kind::lane_receiver) == FANTAIL_LANE_RECEIVER);
static_assert(static_cast<int>(errc::would_block) == FANTAIL_WOULD_BLOCK &&
              static_cast<int>(errc::journal_failed) == FANTAIL_JOURNAL_FAILED);
static_assert(static_cast<int>(fantail::event::type::dead_lettered) == FANTAIL_EVENT_DEAD_LETTERED);

namespace {

/// A socket of any pattern, with what any of them can do.
class AnySocket final : public fantail::socket {
public:
    AnySocket(Kind kind, const fantail::options& settings)
        : socket(static_cast<pattern>(static_cast<std::uint8_t>(kind)), settings) {}
    using socket::change_subscription;
    using socket::durable_number;
    using socket::flush_journal;
    using socket::post_message;
    using socket::receive_into;
    using socket::send;
    using socket::unsettled;
    using socket::wait_settled;
};

thread_local std::string error_text;

byte_view view_of(const void* bytes, std::size_t size) { return {static_cast<const std::uint8_t*>(bytes), size}; }

template <std::size_t size>
void copy_text(std::string_view text, char (&into)[size]) {
    const std::size_t count = std::min(text.size(), size - 1);
    std::memcpy(into, text.data(), count);
    into[count] = '\0';
}

template <class T>
fantail_status status_of(const fantail::result<T>& outcome) {
    return outcome ? FANTAIL_OK : fantail::lib::failed(outcome.error());
}

fantail_status not_for_this_pattern(const char* what) {
    return fantail::lib::failed({errc::invalid_argument, std::string("a socket of this pattern does not ") + what});
}

bool is_sender(Kind kind) {
    return kind != Kind::pull && kind != Kind::subscriber && kind != Kind::dish && kind != Kind::lane_receiver;
}
bool is_receiver(Kind kind) {
    return kind != Kind::push && kind != Kind::publisher && kind != Kind::radio && !fantail::patterns::is_lane(kind);
}

}  // namespace

struct fantail_socket {
    Kind kind;
    std::optional<AnySocket> any;                ///< of all patterns but one
    std::optional<fantail::lane_receiver> lane;  ///< of that one
    fantail::socket& base() { return any ? static_cast<fantail::socket&>(*any) : *lane; }
};

fantail_status fantail::lib::failed(const error& what) {
    error_text = what.text();
    return static_cast<fantail_status>(what.code());
}

const char* fantail_error_text(void) { return error_text.c_str(); }

// ----------------------------------------------------------------------------------------------------------- messages

fantail_message* fantail_message_new(const void* bytes, std::size_t size) {
    return new fantail_message{fantail::message(view_of(bytes, size))};
}

fantail_message* fantail_message_adopt(void* data, std::size_t size, void (*release)(void* data, void* hint),
                                       void* hint) {
    return new fantail_message{fantail::message(fantail::part::adopt(data, size, release, hint))};
}

void fantail_message_add(fantail_message* message, const void* bytes, std::size_t size) {
    message->content.add(fantail::part(view_of(bytes, size)));
}

std::size_t fantail_message_parts(const fantail_message* message) { return message->content.size(); }

const void* fantail_message_part(const fantail_message* message, std::size_t index, std::size_t* size) {
    if (index >= message->content.size()) return nullptr;
    const fantail::part& part = message->content[index];
    if (size != nullptr) *size = part.size();
    return part.data();
}

void fantail_message_free(fantail_message* message) { delete message; }

// ------------------------------------------------------------------------------------------------------------ sockets

fantail_socket* fantail_socket_new(fantail_pattern pattern, const fantail_options* options) {
    if (pattern < FANTAIL_PAIR || pattern > FANTAIL_LANE_RECEIVER) {
        fantail::lib::failed({errc::invalid_argument, "there is no such pattern"});
        return nullptr;
    }
    const fantail::options settings = options == nullptr ? fantail::options{} : options->settings;
    auto* socket = new fantail_socket{static_cast<Kind>(pattern), {}, {}};
    if (socket->kind == Kind::lane_receiver) socket->lane.emplace(settings);
    else socket->any.emplace(socket->kind, settings);
    return socket;
}

void fantail_socket_free(fantail_socket* socket) { delete socket; }
void fantail_close(fantail_socket* socket) { socket->base().close(); }

fantail_status fantail_bind(fantail_socket* socket, const char* address, char* bound, std::size_t bound_size) {
    const auto real = socket->base().bind(address);
    if (real && bound != nullptr && bound_size > 0) {
        const std::size_t count = std::min(real->size(), bound_size - 1);
        std::memcpy(bound, real->data(), count);
        bound[count] = '\0';
    }
    return status_of(real);
}

fantail_status fantail_connect(fantail_socket* socket, const char* address) {
    return status_of(socket->base().connect(address));
}
fantail_status fantail_unbind(fantail_socket* socket, const char* address) {
    return status_of(socket->base().unbind(address));
}
fantail_status fantail_disconnect(fantail_socket* socket, const char* address) {
    return status_of(socket->base().disconnect(address));
}

static fantail_status send(fantail_socket* socket, fantail::message& message, std::int64_t timeout_ms) {
    if (!is_sender(socket->kind)) return not_for_this_pattern("send");
    return status_of(timeout_ms == FANTAIL_AS_OPTIONS_SAY
                         ? socket->any->send(std::move(message))
                         : socket->any->send(std::move(message), milliseconds(timeout_ms)));
}

fantail_status fantail_send(fantail_socket* socket, fantail_message* message, std::int64_t timeout_ms) {
    const fantail_status status = send(socket, message->content, timeout_ms);
    if (status == FANTAIL_OK) delete message;
    return status;
}

fantail_status fantail_send_bytes(fantail_socket* socket, const void* bytes, std::size_t size,
                                  std::int64_t timeout_ms) {
    fantail::message message(view_of(bytes, size));
    return send(socket, message, timeout_ms);
}

fantail_status fantail_receive(fantail_socket* socket, fantail_message** message, std::int64_t timeout_ms) {
    *message = nullptr;
    if (!is_receiver(socket->kind)) return not_for_this_pattern("receive so");
    fantail::message into;
    const auto received = timeout_ms == FANTAIL_AS_OPTIONS_SAY
                              ? socket->any->receive_into(into)
                              : socket->any->receive_into(into, milliseconds(timeout_ms));
    if (received) *message = new fantail_message{std::move(into)};
    return status_of(received);
}

static fantail_status change_subscription(fantail_socket* socket, const void* prefix, std::size_t size, bool add) {
    if (socket->kind != Kind::subscriber && socket->kind != Kind::dish) return not_for_this_pattern("subscribe so");
    return status_of(socket->any->change_subscription({static_cast<const char*>(prefix), size}, add));
}

fantail_status fantail_subscribe(fantail_socket* socket, const void* prefix, std::size_t size) {
    return change_subscription(socket, prefix, size, true);
}
fantail_status fantail_unsubscribe(fantail_socket* socket, const void* prefix, std::size_t size) {
    return change_subscription(socket, prefix, size, false);
}

int fantail_fd(fantail_socket* socket) { return socket->base().fd(); }
void fantail_service(fantail_socket* socket) { socket->base().service(); }

fantail_status fantail_next_event(fantail_socket* socket, fantail_event* event, std::int64_t timeout_ms) {
    const auto next = socket->base().next_event(milliseconds(timeout_ms == FANTAIL_AS_OPTIONS_SAY ? 0 : timeout_ms));
    if (!next) return status_of(next);
    event->type = static_cast<fantail_event_type>(next->what);
    copy_text(next->endpoint, event->endpoint);
    copy_text(next->peer, event->peer);
    copy_text(next->reason, event->reason);
    return FANTAIL_OK;
}

// -------------------------------------------------------------------------------------------------------------- lanes

static fantail::delivery delivery_at(const fantail_place* place) {
    fantail::delivery out;
    std::memcpy(out.lane.data(), place->lane, out.lane.size());
    out.number = place->number;
    out.redelivered = place->redelivered != 0;
    return out;
}

fantail_status fantail_lane_receive(fantail_socket* socket, fantail_message** message, fantail_place* place,
                                    std::int64_t timeout_ms) {
    *message = nullptr;
    if (!socket->lane) return not_for_this_pattern("receive so");
    auto received = timeout_ms == FANTAIL_AS_OPTIONS_SAY ? socket->lane->receive()
                                                         : socket->lane->receive(milliseconds(timeout_ms));
    if (!received) return status_of(received);
    std::memcpy(place->lane, received->lane.data(), received->lane.size());
    place->number = received->number;
    place->redelivered = received->redelivered ? 1 : 0;
    *message = new fantail_message{std::move(received->content)};
    return FANTAIL_OK;
}

fantail_status fantail_lane_ack(fantail_socket* socket, const fantail_place* place) {
    if (!socket->lane) return not_for_this_pattern("acknowledge");
    return status_of(socket->lane->ack(delivery_at(place)));
}
fantail_status fantail_lane_retry(fantail_socket* socket, const fantail_place* place) {
    if (!socket->lane) return not_for_this_pattern("retry");
    return status_of(socket->lane->retry(delivery_at(place)));
}

fantail_status fantail_lane_post(fantail_socket* socket, fantail_message* message, std::uint64_t* number,
                                 std::int64_t timeout_ms) {
    if (socket->kind != Kind::lane_sender) return not_for_this_pattern("post");
    const auto taken = timeout_ms == FANTAIL_AS_OPTIONS_SAY
                           ? socket->any->post_message(std::move(message->content))
                           : socket->any->post_message(std::move(message->content), milliseconds(timeout_ms));
    if (!taken) return status_of(taken);
    if (number != nullptr) *number = *taken;
    delete message;
    return FANTAIL_OK;
}

fantail_status fantail_lane_flush(fantail_socket* socket) {
    if (socket->kind != Kind::lane_sender) return not_for_this_pattern("flush");
    return status_of(socket->any->flush_journal());
}

std::uint64_t fantail_lane_durable(fantail_socket* socket) {
    return socket->kind == Kind::lane_sender ? socket->any->durable_number() : 0;
}

fantail_status fantail_lane_wait(fantail_socket* socket, std::int64_t timeout_ms) {
    if (socket->kind != Kind::lane_sender) return not_for_this_pattern("wait for acknowledgements");
    return status_of(socket->any->wait_settled(milliseconds(std::max(timeout_ms, FANTAIL_FOREVER))));
}

std::uint64_t fantail_lane_unacknowledged(fantail_socket* socket) {
    return socket->kind == Kind::lane_sender ? socket->any->unsettled() : 0;
}

void fantail_lane_key(const fantail_place* place, char* key) {
    const std::string text = delivery_at(place).key();
    std::memcpy(key, text.c_str(), text.size() + 1);
}
