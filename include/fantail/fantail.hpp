// SPDX-License-Identifier: Apache-2.0
//! libfantail: messaging between programs, without a broker.
#pragma once

#include "fantail/event.hpp"    // IWYU pragma: export
#include "fantail/lane.hpp"     // IWYU pragma: export
#include "fantail/message.hpp"  // IWYU pragma: export
#include "fantail/options.hpp"  // IWYU pragma: export
#include "fantail/result.hpp"   // IWYU pragma: export
#include "fantail/socket.hpp"   // IWYU pragma: export
