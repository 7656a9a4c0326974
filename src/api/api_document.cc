#include "api/api_document.h"

extern "C" {
extern const char cronfleet_api_document[];      // api_document.S
extern const char cronfleet_api_document_end[];  // one past its last byte
}

namespace cronfleet::api {

std::string_view api_document() { return {cronfleet_api_document, cronfleet_api_document_end}; }

}  // namespace cronfleet::api
