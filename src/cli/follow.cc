#include "cli/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <thread>

#include "api/base64.h"
#include "api/url.h"
#include "cli/event_reader.h"
#include "cli/terminal.h"
#include "domain/run_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto kSilenceMax = 45s;  // three heartbeats
constexpr auto kGiveUpAfter = 60s;
constexpr auto kPauseMost = 2s;

// Prints the output events of one run; remembers where it is.
class Printer {
 public:
  Printer(const Cli& cli, Streams streams, Escapes escapes) : cli_(cli), streams_(streams), escapes_(escapes) {}

  // True for the event that ends the run.
  bool take(const ServerEvent& event) {
    json::error_code no_json;
    const auto parsed = json::parse(event.data, no_json);
    if (no_json || !parsed.is_object()) return false;
    const json::object& data = parsed.get_object();
    if (event.type == "output") {
      write(data);
      offset_ = event.id;
    } else if (event.type == "gap") {
      cli_.say(fmt::format("[{} bytes not kept]", json::serialize(data.contains("bytes") ? data.at("bytes") : "?")));
    } else if (event.type == "end") {
      if (auto record = domain::decode_run(event.data)) over_ = *std::move(record);
      return true;
    }
    return false;
  }
  const std::string& offset() const { return offset_; }
  const std::optional<domain::RunRecord>& over() const { return over_; }

 private:
  void write(const json::object& chunk) {
    std::string bytes;
    if (const auto* text = chunk.if_contains("text"); text && text->is_string()) bytes = text->get_string().c_str();
    if (const auto* text = chunk.if_contains("text"); text && text->is_string())
      bytes.assign(text->get_string().data(), text->get_string().size());
    if (const auto* encoded = chunk.if_contains("base64"); encoded && encoded->is_string())
      bytes = api::from_base64({encoded->get_string().data(), encoded->get_string().size()}).value_or("");
    const auto* stream = chunk.if_contains("stream");
    const bool is_error = stream && stream->is_string() && stream->get_string() == "stderr";
    OutputFilter& filter = is_error ? error_filter_ : output_filter_;
    if (escapes_ == Escapes::ColourOnly) bytes = filter.filter(bytes);
    std::FILE* to = is_error && streams_ == Streams::Apart ? cli_.io.err : cli_.io.out;
    std::fwrite(bytes.data(), 1, bytes.size(), to);
    std::fflush(to);
  }

  const Cli& cli_;
  const Streams streams_;
  const Escapes escapes_;
  OutputFilter output_filter_, error_filter_;
  std::string offset_;
  std::optional<domain::RunRecord> over_;
};

std::string next_attempt_of(const domain::RunId& id) {
  domain::RunId next = id;
  ++next.attempt;
  return next.text();
}

CliResult<domain::RunRecord> follow_attempt(const Cli& cli, const Client& client, const std::string& run,
                                            bool may_be_late, Streams streams, Escapes escapes) {
  Printer printer(cli, streams, escapes);
  std::chrono::milliseconds pause = 200ms;
  auto trouble_since = std::chrono::steady_clock::now();
  for (;;) {
    ClientRequest request{.target = fmt::format("/api/v1/runs/{}/output?follow=1", api::percent_encode(run)),
                          .headers = {{"Accept", "text/event-stream"}}};
    if (!printer.offset().empty()) request.headers["Last-Event-ID"] = printer.offset();
    EventReader reader;
    const auto answer = client.stream(request, kSilenceMax, [&](std::string_view bytes) {
      trouble_since = std::chrono::steady_clock::now();
      reader.feed(bytes);
      while (const auto event = reader.next())
        if (printer.take(*event)) return false;
      return true;
    });
    if (printer.over()) return *printer.over();
    CliError error = answer ? error_of(*answer) : error_of(answer.error());
    const bool ended_early = answer && answer->status == 200;
    const bool passing = !answer || ended_early || answer->status == 503 || answer->status == 429 ||
                         (may_be_late && answer->status == 404);
    if (ended_early) error = {kExitFailure, "the stream of the run's output ended too early"};
    // The first failure of a fresh command is final: nothing has been followed yet.
    const bool fresh = printer.offset().empty() && !answer && !may_be_late;
    if (!passing || fresh || std::chrono::steady_clock::now() - trouble_since > kGiveUpAfter) return CliFailure(error);
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kPauseMost);
    may_be_late = true;
  }
}

}  // namespace

CliResult<domain::RunRecord> follow_run(const Cli& cli, const std::string& run, Streams streams, Escapes escapes) {
  const auto client = cli.client();
  if (!client) return CliFailure(client.error());
  std::string current = run;
  for (bool may_be_late = false;; may_be_late = true) {
    auto record = follow_attempt(cli, *client, current, may_be_late, streams, escapes);
    if (!record || record->final) return record;
    cli.say(sentence_of(*record) + "; another attempt follows");
    current = next_attempt_of(record->id);
  }
}

std::string sentence_of(const domain::RunRecord& record) {
  std::string sentence = fmt::format("{} {}", visible(record.id.text()), domain::to_string(record.end.status));
  if (record.end.exit_code && *record.end.exit_code != 0)
    sentence += fmt::format(" with exit code {}", *record.end.exit_code);
  if (record.end.signal) sentence += fmt::format(" by signal {}", *record.end.signal);
  if (record.end.reason != domain::Reason::None) sentence += fmt::format(" ({})", domain::to_string(record.end.reason));
  if (!record.end.error.empty()) sentence += ": " + visible(record.end.error);
  return sentence;
}

int exit_code_of(const domain::RunRecord& record) {
  if (record.end.signal) return 128 + *record.end.signal;
  if (record.end.status == domain::RunStatus::Succeeded) return kExitOk;
  if (record.end.exit_code && *record.end.exit_code != 0) return *record.end.exit_code;
  return kExitWaitFailed;
}

}  // namespace cronfleet::cli
