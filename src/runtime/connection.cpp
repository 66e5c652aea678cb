// SPDX-License-Identifier: Apache-2.0
//! Moves bytes between a stream and a session, with bounds in both directions.
#include "runtime/connection.hpp"

#include <algorithm>

#include "runtime/core.hpp"

namespace fantail::runtime {

namespace {
/// Bytes in which every protocol must have recognised itself.
constexpr std::size_t sniff_size_max = 64;
/// Output that is sent before the turn ends: what is larger leaves the processor's cache before the kernel copies it.
constexpr std::size_t early_send_size = 64u << 10;
/// Time for a peer to take some of what is to be sent; RabbitMQ's send_timeout. What it holds is wanted by others.
constexpr std::int64_t send_timeout_ms = 15'000;
/// Time for a peer to say its first bytes (docs/guide/configuration.md: handshake_timeout_ms is the session's own).
constexpr std::int64_t first_bytes_timeout_ms = 10'000;
}  // namespace

Connection::Connection(Core& core, ConnectionId id, std::unique_ptr<ByteStream> stream,
                       std::shared_ptr<const ListenerConfig> listener)
    : core_(core), id_(id), stream_(std::move(stream)), listener_(std::move(listener)), opened_(core.now().mono) {
    const StreamEnds ends = stream_->ends();
    peer_.address = ends.peer;
    peer_.local_address = ends.local;
    peer_.loopback = ends.peer_is_loopback;
    peer_.tls = listener_->tls != nullptr;
}

Connection::~Connection() = default;

void Connection::start() {
    if (listener_->tls) {
        auto stream = sys::TlsStream::accept(listener_->tls->context.load());
        if (!stream) {
            abandon();
            return;
        }
        tls_ = std::make_unique<sys::TlsStream>(std::move(*stream));
    }
    if (listener_->protocols.size() == 1) open_session(listener_->protocols.front());
    stream_->when_readable([this] { on_readable(); });
}

void Connection::open_session(const protocols::Protocol& protocol) {
    session_ = protocol.open(*this);
    if (!core_.alarmed()) return;
    broker::Event alarm = core_.alarm();
    session_->on_event(alarm);
    core_.touch(*this);
}

void Connection::on_readable() {
    if (closed_) return;
    core_.touch(*this);
    if (closing_) {
        stream_->pause_reading();
        return;
    }
    if (!read_once()) abandon();
}

/// False: the peer is gone or cannot be understood below any protocol.
bool Connection::read_once() {
    const MutableBytes buffer = core_.read_buffer();
    const std::size_t kept = tls_ ? 0 : kept_.size();
    if (kept * 2 > buffer.size()) return read_large();
    if (kept > 0) std::memcpy(buffer.data(), kept_.data(), kept);
    // A short read keeps turns short: with many messages a read, consumers would wait for each other's acks.
    const MutableBytes room = buffer.subspan(kept);
    const bool publishes = published_to_ != 0;
    const std::size_t wanted = core_.read_budget().size(publishes, core_.now().mono);
    if (wanted == 0) return true;
    const auto got = stream_->read_some(room.subspan(0, std::min<std::size_t>(room.size(), wanted)));
    if (!got || stream_->at_end()) return false;
    if (*got == 0) return true;
    if (publishes) core_.read_budget().took(*got);
    bytes_in_ += *got;
    if (tls_) return take_cipher(buffer.subspan(0, *got));
    take_plain(buffer, kept, *got);
    return true;
}

/// A message that outgrows the core's buffer gathers in one of its own.
bool Connection::read_large() {
    const std::size_t kept = kept_.size();
    if (!session_ || kept > session_->kept_size_max()) return false;
    kept_.resize(kept + limits::read_size_max);
    const auto got = stream_->read_some(MutableBytes(kept_).subspan(kept));
    const std::size_t fresh = got ? *got : 0;
    kept_.resize(kept + fresh);
    if (!got || stream_->at_end()) return false;
    bytes_in_ += fresh;
    const std::size_t used = fresh == 0 ? 0 : parse(kept_);
    if (used > 0) kept_ = to_bytes(ByteView(kept_).subspan(used));
    return true;
}

void Connection::take_plain(MutableBytes buffer, std::size_t kept, std::size_t fresh) {
    const ByteView all = buffer.subspan(0, kept + fresh);
    const std::size_t used = parse(all);
    if (used == all.size()) {
        kept_ = Bytes();  // an idle connection owns no buffer
        return;
    }
    kept_ = to_bytes(all.subspan(used));
}

bool Connection::take_cipher(ByteView cipher) {
    if (auto fed = tls_->feed(cipher); !fed) return false;
    if (auto plain = tls_->read(kept_); !plain) return false;
    if (tls_->state() == sys::TlsStream::State::handshaking) return true;
    if (peer_.certificate_name.empty()) {
        if (const auto shown = tls_->peer()) peer_.certificate_name = shown->common_name;
    }
    const std::size_t used = parse(kept_);
    if (used == kept_.size()) kept_ = Bytes();
    else kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(used));
    if (tls_->state() == sys::TlsStream::State::ended) closing_ = true;
    return true;
}

void Connection::resume_input() {
    core_.defer([&core = core_, id = id_] {
        if (Connection* self = core.connection(id)) self->parse_kept();
    });
    core_.request_turn();
}

void Connection::parse_kept() {
    if (closed_ || kept_.empty()) return;
    core_.touch(*this);
    const Bytes bytes = std::move(kept_);
    kept_ = to_bytes(ByteView(bytes).subspan(parse(bytes)));
}

std::size_t Connection::parse(ByteView bytes) {
    if (closing_ || bytes.empty()) return bytes.size();
    if (!session_ && !choose_protocol(bytes)) return closing_ ? bytes.size() : 0;
    return session_->on_bytes(bytes);
}

bool Connection::choose_protocol(ByteView first) {
    using Sniff = protocols::Protocol::Sniff;
    bool maybe = false;
    for (const auto& protocol : listener_->protocols) {
        const Sniff answer = protocol.sniff(first);
        if (answer == Sniff::yes) {
            open_session(protocol);
            return true;
        }
        maybe = maybe || answer == Sniff::maybe;
    }
    if (!maybe || first.size() >= sniff_size_max) {
        // Nobody knows it: the listener's own protocol says so in its own words.
        open_session(listener_->protocols.front());
        return true;
    }
    return false;
}

void Connection::abandon() {
    closing_ = true;
    send_by_ = MonoTime::never();  // the turn's end closes it
    sent_ = out_.size();
    plain_out_.clear();
    core_.touch(*this);
}

void Connection::give_up() {
    given_up_ = true;
    abandon();
}

void Connection::end_of_input() {
    if (session_ && !closed_) session_->end_of_input();
}

void Connection::on_event(broker::Event& event) {
    if (session_ && !closed_) session_->on_event(event);
}

void Connection::end_of_turn() {
    if (session_ && !closed_) session_->end_of_turn();
}

Bytes& Connection::out() {
    Bytes& target = tls_ ? plain_out_ : out_;
    if (target.capacity() == 0) target = core_.buffers().take();
    return target;
}

bool Connection::flush() {
    if (closed_) return false;
    if (tls_) {
        if (!plain_out_.empty() && !tls_->write(plain_out_)) closing_ = true;
        core_.buffers().give(std::exchange(plain_out_, Bytes()));
        tls_->take_output(out_);
    }
    if (!writing_ && !send_some()) abandon();
    if (unsent() > limits::output_hard_limit) give_up();
    if (closing_ && unsent() == 0) {
        close_now();
        return false;
    }
    update_writable();
    return true;
}

void Connection::send_early() {
    if (tls_ || writing_ || closed_ || closing_ || unsent() < early_send_size) return;
    if (!send_some()) abandon();
}

bool Connection::send_some() {
    while (unsent() > 0) {
        const ByteView rest = ByteView(out_).subspan(sent_);
        const auto wrote = stream_->write_some(rest);
        if (!wrote) return false;
        if (*wrote == 0) {
            writing_ = true;
            send_by_ = core_.now().mono.plus_ms(send_timeout_ms);
            stream_->when_writable([this] {
                writing_ = false;
                if (!closed_) core_.touch(*this);
            });
            break;
        }
        sent_ += *wrote;
        bytes_out_ += *wrote;
    }
    if (unsent() == 0) {
        core_.buffers().give(std::exchange(out_, Bytes()));
        sent_ = 0;
    } else if (sent_ > out_.size() / 2) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
    }
    return true;
}

void Connection::update_writable() {
    if (!session_) return;
    const bool slow = unsent() > (writable_ ? limits::output_high_water : limits::output_low_water);
    if (slow != writable_) return;
    writable_ = !slow;
    session_->on_writable(writable_);
}

MonoTime Connection::deadline() const {
    const MonoTime send_by = writing_ ? send_by_ : MonoTime::never();
    if (closing_) return send_by;
    return std::min(send_by, session_ ? session_->deadline() : opened_.plus_ms(first_bytes_timeout_ms));
}

MonoTime Connection::tick() {
    // Of a machine or process that stood still: what the peer sent meanwhile must be read before its silence is judged.
    if (!closed_ && !closing_ && !held_ && deadline() <= core_.now().mono) on_readable();
    if (!closed_ && deadline() <= core_.now().mono) {
        core_.touch(*this);
        const bool stuck = writing_ && send_by_ <= core_.now().mono;
        if (session_ && !stuck) run_timer();
        else if (stuck) give_up();
        else abandon();
    }
    return closed_ ? MonoTime::never() : deadline();
}

void Connection::run_timer() {
    const bool was_closing = closing_;
    session_->on_tick();
    // Ended without a word: the peer was silent for too long.
    if (closing_ && !was_closing && unsent() == 0 && plain_out_.empty()) given_up_ = true;
}

void Connection::hold_input(bool hold) {
    session_holds_ = hold;
    update_hold();
}

void Connection::update_hold() {
    const bool hold = session_holds_ || (published_to_ & core_.pressured_shards()) != 0;
    if (hold == held_ || closing_) return;
    held_ = hold;
    if (hold) stream_->pause_reading();
    else stream_->resume_reading();
}

void Connection::close_now() {
    if (closed_) return;
    closed_ = true;
    if (session_) session_->on_closed();
    if (given_up_) stream_->give_up();
    else stream_->close();
}

protocols::SessionInfo Connection::info() const {
    return session_ ? session_->info() : protocols::SessionInfo{.protocol = "unknown", .state = "starting"};
}

protocols::SessionDetails Connection::details() const {
    protocols::SessionDetails details;
    if (session_) session_->describe(details);
    return details;
}

const Now& Connection::now() const { return core_.now(); }
const broker::CatalogView& Connection::catalog() const { return core_.catalog(); }
CoreId Connection::core() const { return core_.id(); }
std::uint16_t Connection::shard_count() const { return core_.shard_count(); }

void Connection::note_published(ShardId shard) {
    published_to_ |= std::uint64_t{1} << (shard.value % 64);
    update_hold();
}

void Connection::send(ShardId shard, RequestId request, broker::ShardCommand command) {
    if (std::holds_alternative<broker::Append>(command) || std::holds_alternative<broker::AppendLog>(command))
        note_published(shard);
    if (const auto* once = std::get_if<broker::AppendOnce>(&command)) {
        note_published(shard);
        for (const broker::AppendTarget& target : once->append.targets) note_published(shard_of(target.queue));
    }
    core_.send(shard, {id_, request}, std::move(command));
}

void Connection::send(RequestId request, broker::AdminCommand command) {
    core_.send_admin({id_, request}, std::move(command));
}

void Connection::check_login(RequestId request, std::string_view user, std::string_view password) {
    core_.check_login({id_, request}, catalog().user(user), password, peer_);
}

std::uint64_t Connection::random() { return core_.random(); }

void Connection::open_direct(ConsumerId consumer) { core_.direct_consumers().add(id_, consumer); }
void Connection::close_direct(ConsumerId consumer) { core_.direct_consumers().remove(id_, consumer); }

bool Connection::has_direct(ConnectionId connection, ConsumerId consumer) const {
    return core_.has_direct(connection, consumer);
}

bool Connection::send_direct(ConnectionId to, ConsumerId consumer, SharedBytes batch) {
    if (!core_.has_direct(to, consumer)) return false;
    core_.emit(to, broker::Deliver{.consumer = consumer, .count = 1, .batch = std::move(batch)});
    return true;
}

}  // namespace fantail::runtime
