// SPDX-License-Identifier: Apache-2.0
//! The same question to several logs, one after another.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/admin/admin_api.hpp"

namespace fantail::server {

/// What is asked and has been answered so far.
template <class Answer>
struct LogQuestions {
    std::vector<QueueId> logs;
    std::function<broker::ShardCommand(QueueId)> make;
    std::function<void(std::vector<Answer>)> then;
    std::vector<Answer> answers;
};

template <class Answer>
void AdminApi::ask_logs(std::vector<QueueId> logs, std::function<broker::ShardCommand(QueueId)> make,
                        std::function<void(std::vector<Answer>)> then) {
    using Questions = LogQuestions<Answer>;
    ask_next_log<Answer>(std::make_shared<Questions>(Questions{std::move(logs), std::move(make), std::move(then), {}}));
}

template <class Answer>
void AdminApi::ask_next_log(std::shared_ptr<LogQuestions<Answer>> questions) {
    const std::size_t next = questions->answers.size();
    if (next == questions->logs.size()) return questions->then(std::move(questions->answers));
    const QueueId log = questions->logs[next];
    broker::ShardCommand question = questions->make(log);
    send(shard_of(log), std::move(question), [this, questions = std::move(questions)](broker::Event& event) {
        auto* answer = std::get_if<Answer>(&event);
        if (answer == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
        questions->answers.push_back(std::move(*answer));
        ask_next_log<Answer>(questions);
    });
}

}  // namespace fantail::server
