// SPDX-License-Identifier: Apache-2.0
//! ApiVersions.
#include "protocols/kafka/api_versions.hpp"

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/metadata_messages.hpp"

namespace fantail::kafka {

namespace {

ApiVersionsResponse versions_served(ApiError error, std::int16_t version) {
    ApiVersionsResponse response;
    response.error_code = error;
    for (const ApiInfo& info : api_table) {
        if (!is_served(info.key)) continue;
        response.api_keys.push_back({static_cast<std::int16_t>(info.key), info.advertised_min, info.versions.max});
    }
    // The newer groups (KIP-848), as Kafka says that it has them. Clients of version 3 fail at a feature that begins at 0.
    if (version < 4) return response;
    response.supported_features.push_back({"group.version", 0, 1});
    response.finalized_features.push_back({"group.version", 1, 1});
    response.finalized_features_epoch = 0;
    return response;
}

/// The Java client's rule for its name and version.
bool is_valid_software(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') return false;
    return std::isalnum(static_cast<unsigned char>(text.front())) != 0 &&
           std::isalnum(static_cast<unsigned char>(text.back())) != 0;
}

class ApiVersionsExchange final : public ExchangeOf<ApiVersionsRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        const bool valid = version() < 3 || (is_valid_software(request().client_software_name) &&
                                             is_valid_software(request().client_software_version));
        respond(valid ? versions_served(ApiError::none, version())
                      : versions_served(ApiError::invalid_request, version()));
    }
};

class RefusedVersions final : public Exchange {
public:
    RefusedVersions(Link& link, RequestHeader header) : Exchange(link, in_version_0(header)) {
        respond(versions_served(ApiError::unsupported_version, 0));
    }
    [[nodiscard]] Result<void> begin(ByteView) override { return {}; }

private:
    static RequestHeader in_version_0(RequestHeader header) {
        header.version = 0;
        return header;
    }
};

}  // namespace

std::unique_ptr<Exchange> refuse_api_versions(Link& link, const RequestHeader& header) {
    return std::make_unique<RefusedVersions>(link, header);
}

std::unique_ptr<Exchange> make_api_versions(Link& link, const RequestHeader& header) {
    return std::make_unique<ApiVersionsExchange>(link, header);
}

}  // namespace fantail::kafka
