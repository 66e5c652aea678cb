// SPDX-License-Identifier: Apache-2.0
//! The broker's figures in Prometheus's text format.
#pragma once

#include <string>
#include <vector>

#include "server/admin/backend.hpp"

namespace fantail::server {

/// Queues named in one answer, those with most messages; the totals are over all.
inline constexpr std::size_t metric_queues_max = 500;

/// https://prometheus.io/docs/instrumenting/exposition_formats/ version 0.0.4. Queues that the catalog does not know any
/// more are left out.
[[nodiscard]] std::string metrics_text(const ProcessReport& process, const std::vector<CoreReport>& cores,
                                       const broker::Catalog& catalog);

/// A label's value between its quotation marks: \, " and line ends escaped.
[[nodiscard]] std::string label_text(std::string_view value);

}  // namespace fantail::server
