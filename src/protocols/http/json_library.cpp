// SPDX-License-Identifier: Apache-2.0
//! Boost.JSON's code, compiled once for all who use it.
#include <boost/json/src.hpp>
