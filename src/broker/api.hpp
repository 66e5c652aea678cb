// SPDX-License-Identifier: Apache-2.0
//! The broker's face to protocols: all that a session may include of it.
#pragma once

#include "broker/api/commands.hpp"     // IWYU pragma: export
#include "broker/api/definitions.hpp"  // IWYU pragma: export
#include "broker/api/events.hpp"       // IWYU pragma: export
#include "broker/api/port.hpp"         // IWYU pragma: export
