// SPDX-License-Identifier: Apache-2.0
//! What the opaque types of fantail.h are.
#pragma once

#include <memory>

#include "fantail/fantail.h"
#include "fantail/fantail.hpp"

struct fantail_options {
    fantail::options settings;
};

struct fantail_message {
    fantail::message content;
};

namespace fantail::lib {

/// Keeps the sentence for fantail_error_text().
fantail_status failed(const error& what);

}  // namespace fantail::lib
