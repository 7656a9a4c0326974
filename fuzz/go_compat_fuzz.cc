// Forms, media types and JSON as the endpoints of the reference read them: never a crash, and what is decoded is text.
#include <cstddef>
#include <cstdint>

#include "api/go_form.h"
#include "api/go_json.h"
#include "base/check.h"
#include "base/utf8.h"

using namespace cronfleet;
using namespace cronfleet::api;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const GoDecoded decoded = decode_go_job(text);
  CHECK(is_utf8(decoded.job.name) && is_utf8(decoded.job.command) && is_utf8(decoded.job.cron_expr));
  CHECK(is_utf8(decoded.error));
  std::string json;
  append_go_json(json, decoded.job);
  const GoDecoded again = decode_go_job(json);
  CHECK(again.kind == GoDecoded::Kind::Value && again.job == decoded.job);

  Request request;
  request.method = Method::Post;
  const auto line = text.find('\n');
  request.headers.add("Content-Type", std::string(text.substr(0, line)));
  if (line != std::string_view::npos) request.body = text.substr(line + 1);
  request.target = "/job/log?" + request.body;
  const GoForm form = parse_go_form(request);
  CHECK(is_utf8(go_quoted(form.error)));
  (void)parse_go_integer(form.all.get("limit"));
  CHECK(clean_go_path(text).starts_with('/'));
  json.clear();
  append_go_json(json, text);
  CHECK(is_utf8(json));
  return 0;
}
