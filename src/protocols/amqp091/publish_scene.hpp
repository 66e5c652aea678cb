// SPDX-License-Identifier: Apache-2.0
//! For tests: a connection that publishes to two queues, and what it appended.
#pragma once

#include <gmock/gmock.h>

#include "protocols/amqp091/session_scene.hpp"

namespace fantail::amqp091 {

using broker::Append;
using record::Properties;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

struct PublishScene : Scene {
    PublishScene() {
        broker.topology.add_queue("q");
        broker.topology.add_queue("r", 1);
        connect().open(1);
    }
    PublishScene& confirm() {
        send(1, ConfirmSelect{}).turn();
        said();
        return *this;
    }
    /// A consumer of `q` gets these and has not settled them: delivery tags and offsets ascend from 1 and 0.
    PublishScene& hold(std::initializer_list<const char*> bodies) {
        const ConsumerId consumer = consume(1, "q", "t");
        BatchMaker batch;
        for (const char* body : bodies) batch.add("", "q", {}, body);
        give(broker::Deliver{.consumer = consumer,
                             .queue = broker.topology.queues["q"].id,
                             .first = Offset(0),
                             .count = static_cast<std::uint32_t>(bodies.size()),
                             .batch = batch.finish()})
            .turn();
        return *this;
    }
    std::vector<Append> appends() const { return broker.all<Append>(); }
};

/// The records of an append: "exchange/key: body".
inline std::vector<std::string> records_of(const Append& append) {
    std::vector<std::string> out;
    auto cursor = record::BatchView::parse(*append.batch).value().records().value();
    record::RecordView record;
    while (cursor.next(record)) {
        const auto envelope = record::EnvelopeView::parse(record.envelope).value();
        out.push_back(std::string(envelope.exchange()) + "/" + std::string(as_text(record.key)) + ": " +
                      std::string(as_text(record.value)));
    }
    return out;
}
inline record::EnvelopeParts first_envelope(const Append& append) {
    auto cursor = record::BatchView::parse(*append.batch).value().records().value();
    record::RecordView record;
    FANTAIL_ASSERT(cursor.next(record));
    return record::EnvelopeView::parse(record.envelope).value().parts();
}
inline Bytes with_headers(const record::FieldTableBuilder& headers) {
    return properties_of(Properties{.headers = headers.view()});
}

}  // namespace fantail::amqp091
