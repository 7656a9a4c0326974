// api/api_document.h: docs/openapi.json, which is docs/api.yaml as JSON, as it was when this program was built.
#pragma once

#include <string_view>

namespace cronfleet::api {

std::string_view api_document();

}  // namespace cronfleet::api
