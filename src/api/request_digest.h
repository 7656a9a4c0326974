// api/request_digest.h: what tells one request from another, for keys of the store.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace cronfleet::api {

// 32 hex digits over the parts, told apart by their lengths.
std::string request_digest(std::initializer_list<std::string_view> parts);

}  // namespace cronfleet::api
