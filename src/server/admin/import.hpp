// SPDX-License-Identifier: Apache-2.0
//! The changes that an import of definitions asks for: many under way at a time.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "broker/api.hpp"

namespace fantail::server {

/// Makes the command of one definition; nothing if there is nothing to do. It may look at what those before it made.
using ImportMaker = std::function<Result<std::optional<broker::AdminCommand>>(const boost::json::object&)>;

/// All that a file declares of one kind.
struct ImportSection {
    std::string_view name;      ///< "queues"
    std::string_view singular;  ///< "queue", for error texts
    /// The members that say which thing is meant. None: each definition is a thing of its own.
    std::vector<std::string_view> identity;
    ImportMaker make;
    boost::json::array definitions{};  ///< objects
};

/// A change is answered when it is durable, so that an import that waited for each would wait for the disk as often. This one
/// has many under way, in the order of the file, and waits only where a maker has to see what was made: all of a section is
/// answered before the next one begins, and of one thing there is one change at a time. After a fault nothing more is asked
/// for.
///
/// Relies on the controller, which decides and answers the commands of a connection in their order.
class Import {
public:
    static constexpr std::size_t under_way_max = 128;
    static constexpr std::size_t definitions_a_turn = 256;  ///< looked at before others have their turn
    /// Sends a command and gives its number.
    using Send = std::function<RequestId(broker::AdminCommand)>;
    enum class Progress : std::uint8_t {
        waits,     ///< for answers: takes() them, then go_on()
        pauses,    ///< go_on() in a later turn
        complete,  ///< see outcome()
    };

    /// \param sections in the order in which they need each other
    Import(std::vector<ImportSection> sections, Send send);

    /// Asks for as much as may be under way now.
    Progress go_on();
    /// Notes an answer of the controller. \return false if it is of something else
    bool takes(const broker::Event& event);
    /// When complete. Errors: the first in the order of the file, with the definition at fault: "queue 'orders': …".
    [[nodiscard]] Result<void> outcome() const;

private:
    struct Change {
        RequestId request;
        std::size_t definition;  ///< in its section
        std::string thing;
    };
    struct Fault {
        std::size_t definition;
        Error error;
    };

    bool begin_next();
    bool begin_section();
    bool begin(const boost::json::object& definition);
    void note_fault(std::size_t definition, const Error& error);
    [[nodiscard]] ImportSection& section() { return sections_[section_]; }

    std::vector<ImportSection> sections_;
    Send send_;
    std::size_t section_ = 0;               ///< the one that all changes under way are of
    std::size_t next_ = 0;                  ///< of its definitions
    std::deque<Change> under_way_;          ///< in order
    std::unordered_set<std::string> busy_;  ///< things that changes under way are about
    std::optional<Fault> fault_;
};

}  // namespace fantail::server
