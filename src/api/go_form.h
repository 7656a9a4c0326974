// api/go_form.h: forms and queries as Go's net/http and net/url read them, for the endpoints that answer as the
// reference does. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.h"

namespace cronfleet::api {

class GoValues {
 public:
  void add(std::string name, std::string value) { pairs_.emplace_back(std::move(name), std::move(value)); }
  // The first of this name; empty where there is none.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// Request.ParseForm: `body` is Request.PostForm, of POST, PUT and PATCH with a form's Content-Type; `all` is
// Request.Form, the body in front of the query. `error` is empty where all of it could be read.
struct GoForm {
  GoValues body, all;
  std::string error;
};
GoForm parse_go_form(const Request& request);

// url.ParseQuery: adds what can be read to `values`, answers the error, empty where there is none.
std::string parse_go_query(std::string_view text, GoValues& values);

// mime.ParseMediaType, without the parameters: the type in lower case and the error, each empty where there is none.
struct GoMediaType {
  std::string type, error;
};
GoMediaType parse_go_media_type(std::string_view text);

// strconv.Atoi; nothing where that gives an error.
std::optional<std::int64_t> parse_go_integer(std::string_view text);

// path.Clean as http.ServeMux applies it to a request's path.
std::string clean_go_path(std::string_view path);

}  // namespace cronfleet::api
