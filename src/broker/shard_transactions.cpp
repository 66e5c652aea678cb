// SPDX-License-Identifier: Apache-2.0
//! Named producers of this shard, and their questions to logs and groups of any shard.
#include "broker/shard.hpp"

namespace fantail::broker {

void Shard::carry_out(const Origin& origin, TransactionCommand& command) {
    transactions_.handle(origin, std::move(command), context_.now);
}

void Shard::carry_out(const Origin& origin, ListTransactions&) {
    TransactionsListed listed;
    transactions_.list(listed.transactions);
    answer(origin, TransactionAnswer(std::move(listed)));
}

void Shard::answer(const Origin& to, TransactionAnswer answer) {
    context_.host.emit(to.connection,
                       TransactionAnswered{to.request, std::make_unique<TransactionAnswer>(std::move(answer))});
}

RequestId Shard::ask(ShardId shard, ShardCommand command) {
    const RequestId request = make_id<RequestId>(id_.value, ++asked_);
    // An answer never comes from inside: it is an event.
    const Origin self{context_.host.own_id(), request};
    if (shard == id_) std::visit([&](auto& each) { carry_out(self, each); }, command);
    else context_.host.send(shard, request, std::move(command));
    return request;
}

void Shard::on_group_answer(const GroupAnswered& event) {
    const auto* done = std::get_if<GroupDone>(event.answer.get());
    const bool full = done != nullptr && done->outcome == GroupOutcome::full;
    transactions_.answered(event.request, full ? TransactionOutcome::full : TransactionOutcome::ok, context_.now);
}

}  // namespace fantail::broker
