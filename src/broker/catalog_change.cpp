// SPDX-License-Identifier: Apache-2.0
//! Encodes catalog changes: one list of fields a structure, used by writer and reader alike (docs/formats/catalog.md).
#include "broker/catalog_change.hpp"

#include <type_traits>

namespace fantail::broker {

namespace {

/// Writes what fields() shows it.
class FieldWriter {
public:
    explicit FieldWriter(Bytes& out) : out_(out) {}
    template <class... Fields>
    void operator()(const Fields&... fields) {
        (put(fields), ...);
    }

private:
    void put(const std::string& v) { out_.string(v); }
    void put(const RareText& v) { out_.string(v); }
    void put(const Bytes& v) { out_.string(as_text(v)); }
    void put(bool v) { out_.u8(v ? 1 : 0); }
    template <class T>
        requires std::is_enum_v<T>
    void put(T v) {
        out_.u8(static_cast<std::uint8_t>(v));
    }
    template <class T>
        requires std::is_unsigned_v<T>
    void put(T v) {
        out_.uvarint(v);
    }
    template <class T>
        requires(std::is_signed_v<T> && std::is_integral_v<T>)
    void put(T v) {
        out_.svarint(v);
    }
    template <class Tag, class Int>
    void put(StrongId<Tag, Int> v) {
        out_.uvarint(v.value);
    }
    template <class T>
    void put(const std::optional<T>& v) {
        out_.u8(v ? 1 : 0);
        if (v) put(*v);
    }
    template <class T>
    void put(const std::vector<T>& v) {
        out_.uvarint(v.size());
        for (const T& each : v) put(each);
    }
    void put(const std::pair<std::string, std::string>& v) { (*this)(v.first, v.second); }
    template <class T>
        requires std::is_same_v<T, OptionsRef>
    void put(const T& v) {
        fields(*v, *this);
    }
    template <class T>
        requires requires(FieldWriter& w, const T& v) { fields(v, w); }
    void put(const T& v) {
        fields(v, *this);
    }

    Writer out_;
};

/// Reads the same fields in the same order. Anything out of range marks the input as bad.
class FieldReader {
public:
    explicit FieldReader(ByteView in) : in_(in) {}
    template <class... Fields>
    void operator()(Fields&... fields) {
        (get(fields), ...);
    }
    [[nodiscard]] bool good() const { return in_.done(); }

private:
    static constexpr std::uint64_t elements_max = 1u << 16;

    void get(std::string& v) { v = std::string(read_string(in_)); }
    void get(RareText& v) { v = std::string(read_string(in_)); }
    void get(Bytes& v) { v = to_bytes(in_.take(in_.uvarint())); }
    void get(bool& v) { v = get_flag(); }
    template <class T>
        requires std::is_enum_v<T>
    void get(T& v) {
        v = static_cast<T>(in_.u8());
        if (!valid(v)) in_.fail();
    }
    template <class T>
        requires std::is_unsigned_v<T>
    void get(T& v) {
        const std::uint64_t wide = in_.uvarint();
        v = static_cast<T>(wide);
        if (std::uint64_t{v} != wide) in_.fail();
    }
    template <class T>
        requires(std::is_signed_v<T> && std::is_integral_v<T>)
    void get(T& v) {
        const std::int64_t wide = in_.svarint();
        v = static_cast<T>(wide);
        if (v != wide) in_.fail();
    }
    template <class Tag, class Int>
    void get(StrongId<Tag, Int>& v) {
        get(v.value);
    }
    template <class T>
    void get(std::optional<T>& v) {
        v.reset();
        if (!get_flag()) return;
        v.emplace();
        get(*v);
    }
    template <class T>
    void get(std::vector<T>& v) {
        const std::uint64_t count = in_.uvarint();
        if (count > elements_max || count > in_.left()) return in_.fail();
        v.resize(count);
        for (T& each : v) get(each);
    }
    void get(std::pair<std::string, std::string>& v) { (*this)(v.first, v.second); }
    template <class T>
        requires std::is_same_v<T, OptionsRef>
    void get(T& v) {
        std::remove_cvref_t<decltype(*v)> options;
        fields(options, *this);
        v = T(std::move(options));
    }
    template <class T>
        requires requires(FieldReader& r, T& v) { fields(v, r); }
    void get(T& v) {
        fields(v, *this);
    }

    bool get_flag() {
        const std::uint8_t v = in_.u8();
        if (v > 1) in_.fail();
        return v == 1;
    }
    static bool valid(QueueKind v) { return v <= QueueKind::stream; }
    static bool valid(Overflow v) { return v <= Overflow::reject_publish_dlx; }
    static bool valid(DeadLetterStrategy v) { return v <= DeadLetterStrategy::at_least_once; }
    static bool valid(DelayedRetry v) { return v <= DelayedRetry::returned; }
    static bool valid(ExchangeType v) { return v <= ExchangeType::recent_history; }
    static bool valid(PolicyTarget v) { return v <= PolicyTarget::exchanges; }

    Reader in_;
};

// One list of fields a structure; `V` is the structure, const when written.

template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, QueueOptions>
void fields(V& v, Visit& visit) {
    visit(v.message_ttl_ms, v.expires_ms, v.dead_letter_exchange, v.dead_letter_routing_key, v.dead_letter_strategy,
          v.length_max, v.length_bytes_max, v.overflow, v.priority_max, v.single_active_consumer, v.delivery_limit,
          v.delayed_retry, v.delayed_retry_min_ms, v.delayed_retry_max_ms, v.consumer_timeout_ms,
          v.deduplication_window_ms, v.retention_ms);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, QueueDefinition>
void fields(V& v, Visit& visit) {
    visit(v.id, v.vhost, v.name, v.kind, v.durable, v.auto_delete, v.exclusive_owner, v.arguments, v.declared,
          v.options, v.policy, v.operator_policy);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, ExchangeDefinition>
void fields(V& v, Visit& visit) {
    visit(v.id, v.vhost, v.name, v.type, v.durable, v.auto_delete, v.internal, v.delayed, v.type_name, v.arguments,
          v.alternate, v.declared_alternate, v.hash_header, v.hash_property, v.deduplication_window_ms,
          v.history_length, v.policy);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, BindingDefinition>
void fields(V& v, Visit& visit) {
    visit(v.vhost, v.source, v.destination, v.to_exchange, v.routing_key, v.arguments);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, VhostDefinition>
void fields(V& v, Visit& visit) {
    visit(v.id, v.name, v.description, v.default_queue_kind, v.connections_max, v.queues_max);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, UserDefinition>
void fields(V& v, Visit& visit) {
    visit(v.name, v.password_hash, v.tags, v.connections_max, v.channels_max);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, PermissionDefinition>
void fields(V& v, Visit& visit) {
    visit(v.user, v.vhost, v.configure, v.write, v.read);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, TopicPermissionDefinition>
void fields(V& v, Visit& visit) {
    visit(v.user, v.vhost, v.exchange, v.write, v.read);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, PolicyDefinition>
void fields(V& v, Visit& visit) {
    visit(v.vhost, v.name, v.pattern, v.apply_to, v.priority, v.is_operator, v.options, v.alternate_exchange, v.keys);
}

template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, LogOptions>
void fields(V& v, Visit& visit) {
    visit(v.batch_bytes_max, v.older_max_ms, v.newer_max_ms, v.append_time, v.compact, v.keep_all, v.compact_after_ms,
          v.tombstone_ms);
}
template <class V, class Visit>
    requires std::is_same_v<std::remove_const_t<V>, TopicDefinition>
void fields(V& v, Visit& visit) {
    visit(v.id, v.vhost, v.name, v.internal, v.partitions, v.options, v.options.log, v.settings);
}

template <class Visit>
void topic_fields(const TopicPut& v, Visit& visit) {
    fields(*v.topic, visit);
}
template <class Visit>
void topic_fields(TopicPut& v, Visit& visit) {
    TopicDefinition made;
    fields(made, visit);
    v = TopicPut(std::move(made));
}

template <class Visit>
void queue_fields(const QueuePut& v, Visit& visit) {
    fields(*v.queue, visit);
}
template <class Visit>
void queue_fields(QueuePut& v, Visit& visit) {
    auto made = std::make_shared<QueueDefinition>();
    fields(*made, visit);
    v.queue = std::move(made);
}

template <class V, class Visit>
void change_fields(V& v, Visit& visit) {
    using T = std::remove_const_t<V>;
    if constexpr (std::is_same_v<T, Booted>) visit(v.boot);
    else if constexpr (std::is_same_v<T, VhostPut>) fields(v.vhost, visit);
    else if constexpr (std::is_same_v<T, VhostRemoved>) visit(v.vhost);
    else if constexpr (std::is_same_v<T, ExchangePut>) fields(v.exchange, visit);
    else if constexpr (std::is_same_v<T, ExchangeRemoved>) visit(v.exchange);
    else if constexpr (std::is_same_v<T, QueuePut>) queue_fields(v, visit);
    else if constexpr (std::is_same_v<T, QueueRemoved>) visit(v.queue);
    else if constexpr (std::is_same_v<T, BindingAdded> || std::is_same_v<T, BindingRemoved>) fields(v.binding, visit);
    else if constexpr (std::is_same_v<T, UserPut>) fields(v.user, visit);
    else if constexpr (std::is_same_v<T, UserRemoved>) visit(v.name);
    else if constexpr (std::is_same_v<T, PermissionPut>) fields(v.permission, visit);
    else if constexpr (std::is_same_v<T, PermissionRemoved>) visit(v.user, v.vhost);
    else if constexpr (std::is_same_v<T, PolicyPut>) fields(v.policy, visit);
    else if constexpr (std::is_same_v<T, TopicPermissionPut>) fields(v.permission, visit);
    else if constexpr (std::is_same_v<T, TopicPermissionRemoved>) visit(v.user, v.vhost, v.exchange);
    else if constexpr (std::is_same_v<T, TopicPut>) topic_fields(v, visit);
    else if constexpr (std::is_same_v<T, TopicRemoved>) visit(v.topic);
    else visit(v.vhost, v.name, v.is_operator);
}

template <std::size_t Kind = 0>
bool decode_kind(std::size_t kind, FieldReader& in, CatalogChange& out) {
    if constexpr (Kind < std::variant_size_v<CatalogChange>) {
        if (kind != Kind) return decode_kind<Kind + 1>(kind, in, out);
        change_fields(out.template emplace<Kind>(), in);
        return in.good();
    } else {
        return false;
    }
}

}  // namespace

std::string partition_name(std::string_view topic, std::size_t number) {
    return std::string(topic) + "-" + std::to_string(number);
}

TopicPut::TopicPut(TopicDefinition put) {
    const OptionsRef options(put.options);
    for (std::size_t i = 0; i < put.partitions.size(); ++i) {
        QueueDefinition partition;
        partition.id = put.partitions[i];
        partition.vhost = put.vhost;
        partition.name = partition_name(put.name, i);
        partition.kind = QueueKind::stream;
        partition.declared = options;
        partition.options = options;
        partition.topic = put.id;
        partitions.push_back(std::make_shared<const QueueDefinition>(std::move(partition)));
    }
    topic = std::make_shared<const TopicDefinition>(std::move(put));
}

void encode_options(const QueueOptions& options, Bytes& out) {
    FieldWriter writer(out);
    fields(options, writer);
    fields(options.log, writer);
}

void encode_change(const CatalogChange& change, Bytes& out) {
    out.push_back(static_cast<std::uint8_t>(change.index()));
    FieldWriter writer(out);
    std::visit([&writer](const auto& each) { change_fields(each, writer); }, change);
}

Result<CatalogChange> decode_change(ByteView bytes) {
    CatalogChange change;
    if (bytes.empty()) return fail(ErrorCode::corrupt, "empty catalog change");
    FieldReader reader(bytes.subspan(1));
    if (!decode_kind(bytes[0], reader, change))
        return fail(ErrorCode::corrupt, "bad catalog change of kind " + std::to_string(bytes[0]));
    return change;
}

}  // namespace fantail::broker
