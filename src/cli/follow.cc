#include "cli/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <optional>

#include "api/base64.h"
#include "api/url.h"
#include "cli/event_stream.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/run_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

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
      if (std::ferror(cli_.io.out)) return true;
      offset_ = event.id;
    } else if (event.type == "gap") {
      cli_.note(words("[{} bytes not kept]", json::serialize(data.contains("bytes") ? data.at("bytes") : "?")));
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
    if (const auto* text = chunk.if_contains("text"); text && text->is_string())
      bytes.assign(text->get_string().data(), text->get_string().size());
    if (const auto* encoded = chunk.if_contains("base64"); encoded && encoded->is_string())
      bytes = api::from_base64({encoded->get_string().data(), encoded->get_string().size()}).value_or("");
    const auto* stream = chunk.if_contains("stream");
    const bool is_error = stream && stream->is_string() && stream->get_string() == "stderr";
    OutputFilter& filter = is_error ? error_filter_ : output_filter_;
    if (escapes_ == Escapes::ColourOnly) bytes = filter.filter(bytes);
    if (streams_ == Streams::None) return;
    const bool aside = streams_ == Streams::Aside || (is_error && streams_ == Streams::Apart);
    std::FILE* to = aside ? cli_.io.err : cli_.io.out;
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

// Follows one run, attempt by attempt.
class Follower {
 public:
  Follower(const Cli& cli, Streams streams, Escapes escapes, OnInterrupt on_interrupt)
      : cli_(cli), streams_(streams), escapes_(escapes), on_interrupt_(on_interrupt) {}

  CliResult<domain::RunRecord> follow(const std::string& run) {
    std::string current = run;
    for (bool may_be_late = false;; may_be_late = true) {
      auto record = follow_attempt(current, may_be_late);
      if (!record || record->final) return record;
      cli_.note(sentence_of(*record) + words("; another attempt follows"));
      current = next_attempt_of(record->id);
    }
  }

 private:
  CliResult<domain::RunRecord> follow_attempt(const std::string& run, bool may_be_late) {
    Printer printer(cli_, streams_, escapes_);
    const std::string target = words("/api/v1/runs/{}/output?follow=1", api::percent_encode(run));
    Patience patience;
    for (;;) {
      const auto answer = stream_events(
          cli_, target, printer.offset(), interrupts_, [&] { patience.heard(); },
          [&](const ServerEvent& event) { return !printer.take(event); });
      if (printer.over()) return *printer.over();
      if (std::ferror(cli_.io.out)) return CliFailure({kExitFailure, words("the output cannot be written")});
      if (interrupts_.pending()) {
        if (auto goes_on = interrupted(run); !goes_on) return CliFailure(goes_on.error());
        continue;
      }
      CliError error = answer ? error_of(*answer) : error_of(answer.error());
      const bool ended_early = answer && answer->status == 200;
      const bool passing = !answer || ended_early || answer->status == 503 || answer->status == 429 ||
                           (may_be_late && answer->status == 404);
      if (ended_early) error = {kExitFailure, words("the stream of the run's output ended too early")};
      // The first failure of a fresh command is final: nothing has been followed yet.
      const bool fresh = !patience.reached() && !answer && !may_be_late;
      if (!passing || fresh || patience.over()) return CliFailure(error);
      if (interrupts_.wait(patience.pause)) continue;
      patience.lengthen();
      may_be_late = true;
    }
  }

  // Goes on, or the reason why not.
  CliResult<void> interrupted(const std::string& run) {
    interrupts_.clear();
    switch (asked_ ? Answer::Detach : what_to_do()) {
      case Answer::GoOn: return {};
      case Answer::Kill: {
        asked_ = true;
        const auto killed = cli_.ask_again({.method = "POST",
                                            .target = words("/api/v1/runs/{}:kill", api::percent_encode(run)),
                                            .body = R"({"reason":"interrupted by who followed it"})"});
        if (!killed && killed.error().exit_code != kExitConflict) return CliFailure(killed.error());
        cli_.note(words("the run is being ended; Ctrl-C again leaves it alone"));
        return {};
      }
      case Answer::Detach: break;
    }
    return CliFailure(
        {kExitInterrupted, words("detached: the run goes on; cronfleet run logs -f '{}' follows it", visible(run))});
  }

  enum class Answer { GoOn, Detach, Kill };
  Answer what_to_do() {
    if (on_interrupt_ == OnInterrupt::Kill) return Answer::Kill;
    if (on_interrupt_ == OnInterrupt::Detach || !cli_.settings.may_ask) return Answer::Detach;
    asked_ = true;
    std::fflush(cli_.io.out);
    fmt::print(cli_.io.err, "\n{} ", words("[d]etach and let it run, [k]ill it, or [c]ontinue?"));
    std::fflush(cli_.io.err);
    const std::string line = interrupts_.line_from(::fileno(cli_.io.in)).value_or("d");
    return line.starts_with('k') || line.starts_with('K')   ? Answer::Kill
           : line.starts_with('c') || line.starts_with('C') ? Answer::GoOn
                                                            : Answer::Detach;
  }

  const Cli& cli_;
  const Streams streams_;
  const Escapes escapes_;
  const OnInterrupt on_interrupt_;
  Interrupts interrupts_;
  bool asked_ = false;
};

}  // namespace

CliResult<domain::RunRecord> follow_run(const Cli& cli, const std::string& run, Streams streams, Escapes escapes,
                                        OnInterrupt on_interrupt) {
  return Follower(cli, streams, escapes, on_interrupt).follow(run);
}

std::string sentence_of(const domain::RunRecord& record) {
  std::string sentence = words("{} {}", visible(record.id.text()), domain::to_string(record.end.status));
  if (record.end.exit_code && *record.end.exit_code != 0)
    sentence += words(" with exit code {}", *record.end.exit_code);
  if (record.end.signal) sentence += words(" by signal {}", *record.end.signal);
  if (record.end.reason != domain::Reason::None) sentence += words(" ({})", domain::to_string(record.end.reason));
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
