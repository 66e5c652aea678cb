// SPDX-License-Identifier: Apache-2.0
//! Rewrites, routes and retries dead letters (RabbitMQ: dead lettering guide, rabbit_dead_letter).
#include "broker/dead_letterer.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "record/batch.hpp"
#include "record/envelope.hpp"
#include "record/properties.hpp"

namespace fantail::broker {

namespace {

constexpr std::string_view carbon_copy_header = "CC";

record::DeathReason recorded(DeathReason reason) {
    switch (reason) {
        case DeathReason::rejected: return record::DeathReason::rejected;
        case DeathReason::expired: return record::DeathReason::expired;
        case DeathReason::maxlen: return record::DeathReason::maxlen;
        case DeathReason::delivery_limit: return record::DeathReason::delivery_limit;
    }
    return record::DeathReason::rejected;
}

Result<record::RecordView> record_at(ByteView batch, std::uint32_t index) {
    FANTAIL_TRY(const record::BatchView view, record::BatchView::parse(batch));
    FANTAIL_TRY(record::RecordCursor cursor, view.records());
    record::RecordView record;
    if (!cursor.skip(index) || !cursor.next(record)) return fail(ErrorCode::corrupt, "dead letter: no such record");
    return record;
}

/// The keys of the message's CC header.
std::vector<std::string_view> carbon_copies(const record::Properties& properties) {
    std::vector<std::string_view> keys;
    if (!properties.headers) return keys;
    const auto header = properties.headers->find(carbon_copy_header);
    const auto list = header ? header->as_array() : std::nullopt;
    if (!list) return keys;
    auto cursor = list->values();
    record::FieldValueView value;
    while (cursor.next(value)) {
        if (const auto text = value.as_text()) keys.push_back(*text);
    }
    return keys;
}

record::Death death_of(const DeadLetter& letter, const QueueDefinition& queue, std::string_view exchange,
                       std::string_view key, std::span<const std::string_view> copies,
                       const record::Properties& properties, WallTime now) {
    record::Death death;
    death.queue = queue.name;
    death.reason = recorded(letter.reason);
    death.exchange = exchange;
    death.routing_keys.emplace_back(key);
    for (const std::string_view copy : copies) death.routing_keys.emplace_back(copy);
    death.time = now;
    if (properties.expiration) death.original_expiration = *properties.expiration;
    return death;
}

}  // namespace

void DeadLetterer::handle(DeadLetter&& source, const Now& now) {
    now_ = now;
    Letter letter;
    letter.source = std::move(source);
    attempt(std::move(letter));
}

/// Sends the letter wherever it belongs and is not yet. Nowhere to go is the end of it, unless it must be kept.
void DeadLetterer::attempt(Letter&& letter) {
    const QueueDefinition* queue = catalog_.queue(letter.source.queue);
    if (queue == nullptr || !queue->options->dead_letter_exchange) {
        finish(std::move(letter));
        return;
    }
    letter.keep = queue->options->dead_letter_strategy == DeadLetterStrategy::at_least_once;
    letter.refused = false;
    letter.answers_left = 0;
    std::vector<const QueueDefinition*> targets;
    const auto message = rewrite(letter, *queue, targets);
    if (!message) {
        finish(std::move(letter));  // unreadable: no place would take it
        return;
    }
    const bool routed = !targets.empty();
    drop_cycles(letter, message->history, targets);
    const bool cyclic = routed && targets.empty();
    std::erase_if(targets, [&](const QueueDefinition* t) {
        return std::find(letter.stored_in.begin(), letter.stored_in.end(), t->id) != letter.stored_in.end();
    });
    if (targets.empty()) {
        if (letter.keep && letter.stored_in.empty() && !cyclic) retry_later(std::move(letter));
        else finish(std::move(letter));
        return;
    }
    const std::uint64_t id = ++letters_;
    send_to(id, pending_.emplace(id, std::move(letter)).first->second, std::move(targets), *message);
}

/// The message with its new history, key, exchange and without expiration; fills in where it goes.
Result<DeadLetterer::Rewritten> DeadLetterer::rewrite(const Letter& letter, const QueueDefinition& queue,
                                                      std::vector<const QueueDefinition*>& targets) {
    FANTAIL_TRY(const record::RecordView old, record_at(*letter.source.batch, letter.source.index));
    FANTAIL_TRY(const record::EnvelopeView envelope, record::EnvelopeView::parse(old.envelope));
    FANTAIL_TRY(record::Properties properties, record::Properties::parse(envelope.properties()));
    FANTAIL_TRY(record::DeathHistory history, record::decode_deaths(envelope.deaths()));
    std::vector<std::string_view> copies = carbon_copies(properties);
    std::string_view key = as_text(old.key);
    record::record_death(history,
                         death_of(letter.source, queue, envelope.exchange(), key, copies, properties, now_.wall));
    properties.expiration.reset();
    record::FieldTableBuilder headers;
    if (queue.options->dead_letter_routing_key) {
        key = *queue.options->dead_letter_routing_key;
        copies.clear();
        if (properties.headers) {
            headers = record::FieldTableBuilder(*properties.headers);
            if (headers.erase(carbon_copy_header)) properties.headers = headers.view();
        }
    }
    const std::string& name = *queue.options->dead_letter_exchange;
    if (const ExchangeDefinition* exchange = catalog_.exchange(queue.vhost, name)) {
        RoutingFacts facts{key, copies, properties.headers ? &*properties.headers : nullptr, {}, {}, 0};
        facts.message_id = properties.message_id.value_or("");
        facts.correlation_id = properties.correlation_id.value_or("");
        facts.timestamp = static_cast<std::int64_t>(properties.timestamp.value_or(0));
        catalog_.route(*exchange, facts, route_);
        targets = route_.queues;
    }
    Bytes encoded_properties;
    properties.encode(encoded_properties);
    Bytes deaths;
    record::encode_deaths(deaths, history);
    record::EnvelopeParts parts = envelope.parts();
    parts.properties = encoded_properties;
    parts.exchange = name;
    parts.deaths = deaths;
    parts.due_time.reset();
    parts.dedup_window_ms.reset();
    parts.dedup_id.reset();  // or a way back to its queue would look like a duplicate
    parts.delivery_count.reset();
    Bytes encoded;
    record::encode_envelope(encoded, parts);
    record::BatchBuilder builder;
    builder.append_message(now_.wall, as_bytes(key), encoded, old.value);
    Rewritten out;
    out.batch = std::make_shared<const Bytes>(builder.finish(Offset(0)));
    out.body_bytes = old.value.size();
    out.priority = properties.priority.value_or(0);
    out.transient = properties.delivery_mode != record::delivery_mode_persistent;
    out.history = std::move(history);
    return out;
}

/// What circles without anybody's rejection is dropped, or it would circle for ever.
void DeadLetterer::drop_cycles(const Letter& letter, const record::DeathHistory& history,
                               std::vector<const QueueDefinition*>& targets) const {
    if (letter.source.reason == DeathReason::rejected) return;
    std::erase_if(targets, [&](const QueueDefinition* t) { return record::is_death_cycle(history, t->name); });
}

/// One request a shard; one a queue where it must be known which of them refused.
void DeadLetterer::send_to(std::uint64_t id, Letter& letter, std::vector<const QueueDefinition*> targets,
                           const Rewritten& message) {
    std::sort(targets.begin(), targets.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
    for (std::size_t first = 0; first < targets.size();) {
        std::size_t end = first + 1;
        while (!letter.keep && end < targets.size() && shard_of(targets[end]->id) == shard_of(targets[first]->id))
            ++end;
        ask(id, letter, std::span(targets).subspan(first, end - first), message);
        first = end;
    }
}

void DeadLetterer::ask(std::uint64_t id, Letter& letter, std::span<const QueueDefinition* const> targets,
                       const Rewritten& message) {
    Append command;
    Question question{id, {}};
    for (const QueueDefinition* target : targets) {
        command.targets.push_back({target->id, std::min(message.priority, target->highest_level())});
        question.targets.push_back(target->id);
    }
    command.batch = message.batch;
    command.count = 1;
    command.body_bytes = message.body_bytes;
    command.traits.transient = message.transient;
    command.confirm = true;
    const RequestId request(++requests_);
    ++letter.answers_left;
    questions_.emplace(request, std::move(question));
    host_.send(shard_of(targets.front()->id), request, std::move(command));
}

void DeadLetterer::on_event(Event&& event) {
    const auto* answer = std::get_if<Appended>(&event);
    if (answer == nullptr) return;
    const auto asked = questions_.find(answer->request);
    if (asked == questions_.end()) return;
    const Question question = std::move(asked->second);
    questions_.erase(asked);
    const auto at = pending_.find(question.letter);
    Letter& letter = at->second;
    if (answer->accepted && !answer->missed)
        letter.stored_in.insert(letter.stored_in.end(), question.targets.begin(), question.targets.end());
    else letter.refused = true;
    if (--letter.answers_left > 0) return;
    Letter answered = std::move(letter);
    pending_.erase(at);
    if (answered.refused && answered.keep) retry_later(std::move(answered));
    else finish(std::move(answered));
}

void DeadLetterer::finish(Letter&& letter) {
    host_.done(letter.source.queue, letter.source.level, letter.source.offset, true);
}

void DeadLetterer::retry_later(Letter&& letter) {
    if (waiting_.size() >= limits::dead_letters_kept_max) {
        host_.done(letter.source.queue, letter.source.level, letter.source.offset, false);
        return;
    }
    const std::uint32_t doublings = std::min(letter.tries++, 16u);
    const std::uint64_t pause = std::min<std::uint64_t>(std::uint64_t{limits::dead_letter_retry_ms} << doublings,
                                                        limits::dead_letter_retry_max_ms);
    waiting_.emplace(now_.mono.plus_ms(static_cast<std::int64_t>(pause)), std::move(letter));
}

void DeadLetterer::end_of_turn(const Now& now) {
    now_ = now;
    std::vector<Letter> due;
    while (!waiting_.empty() && waiting_.begin()->first <= now.mono) {
        due.push_back(std::move(waiting_.begin()->second));
        waiting_.erase(waiting_.begin());
    }
    for (Letter& letter : due) attempt(std::move(letter));
}

MonoTime DeadLetterer::deadline() const { return waiting_.empty() ? MonoTime::never() : waiting_.begin()->first; }

}  // namespace fantail::broker
