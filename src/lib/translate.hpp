// SPDX-License-Identifier: Apache-2.0
//! From what programs set and see to what the inside uses, and back.
#pragma once

#include "base/result.hpp"
#include "fantail/options.hpp"
#include "fantail/result.hpp"
#include "patterns/api.hpp"
#include "protocols/sp/session.hpp"
#include "protocols/zmtp/session.hpp"

namespace fantail::lib {

[[nodiscard]] fantail::error public_error(const Error& error);
/// \param lane the id of a lane's end
[[nodiscard]] zmtp::Config wire_config(patterns::Kind kind, const options& settings, const patterns::LaneId& lane);
[[nodiscard]] sp::Config sp_config(patterns::Kind kind, const options& settings);
[[nodiscard]] patterns::Settings pattern_settings(const options& settings);

}  // namespace fantail::lib
