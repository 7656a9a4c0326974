#include "cli/events_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>
#include <regex>

#include "api/url.h"
#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/event_stream.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "cli/words.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

struct Wishes {
  std::vector<std::string> topics;
  std::string since;
  std::uint64_t count = 0;  // 0: without end
};

// What an event is about, in a few words.
std::string subject_of(const json::value& data) {
  for (const auto path : {std::initializer_list<const char*>{"run", "id"},
                          {"job", "name"},
                          {"worker", "node"},
                          {"id"},
                          {"name"},
                          {"node"}}) {
    const std::string text = text_at(data, path);
    if (!text.empty() && text.front() != '{') return text;
  }
  return "";
}
std::string state_of(const json::value& data) {
  for (const auto path :
       {std::initializer_list<const char*>{"run", "status"}, {"worker", "state"}, {"status"}, {"state"}}) {
    const std::string text = text_at(data, path);
    if (!text.empty() && text.front() != '{') return text;
  }
  return "";
}

constexpr AnswerForm kEventForm{.schema = R"({"properties":{"event":{"type":"string"},"id":{"type":"string"},
    "data":{"oneOf":[{"$ref":"#/components/schemas/JobEvent"},{"$ref":"#/components/schemas/JobDeletedEvent"},
                     {"$ref":"#/components/schemas/RunEvent"},{"$ref":"#/components/schemas/RunRecordedEvent"},
                     {"$ref":"#/components/schemas/WorkerEvent"},{"$ref":"#/components/schemas/SystemEvent"}]}}})"};

class Watcher {
 public:
  Watcher(const Cli& cli, const Wishes& wishes) : cli_(cli), wishes_(wishes), last_(wishes.since) {}

  int run() {
    std::string topics;
    for (const std::string& topic : wishes_.topics) topics += (topics.empty() ? "" : ",") + topic;
    const std::string target = "/api/v1/events" + (topics.empty() ? "" : "?topics=" + api::percent_encode(topics));
    Patience patience;
    const auto heard = [&] {
      patience.heard();
      patience.shorten();
    };
    for (;;) {
      const auto answer = stream_events(cli_, target, last_, interrupts_, heard,
                                        [this](const ServerEvent& event) { return take(event); });
      if (std::ferror(cli_.io.out)) return failed(cli_, {kExitFailure, words("the output cannot be written")});
      if (done_) return kExitOk;
      if (interrupts_.pending()) return kExitInterrupted;
      const bool refused = answer && answer->status != 200 && answer->status != 503 && answer->status != 429;
      const CliError error = answer && answer->status != 200 ? error_of(*answer)
                             : answer ? CliError{kExitFailure, words("the stream of events ended")}
                                      : error_of(answer.error());
      if (refused || !patience.reached() || patience.over()) return failed(cli_, error);
      if (interrupts_.wait(patience.pause)) return kExitInterrupted;
      patience.lengthen();
    }
  }

 private:
  // False when enough have come.
  bool take(const ServerEvent& event) {
    if (!event.id.empty()) last_ = event.id;
    json::error_code no_json;
    const auto data = json::parse(event.data, no_json);
    if (no_json) return true;
    if (event.type == "hello") {
      if (greeted_ && text_at(data, {"resumed"}) == "true") cli_.note(words("connected again; nothing was missed"));
      greeted_ = true;
      return true;
    }
    if (event.type == "resync") {
      cli_.note(words("events were missed: what was read before may have changed"));
      return true;
    }
    print(event, data);
    std::fflush(cli_.io.out);
    done_ = wishes_.count > 0 && ++seen_ == wishes_.count;
    return !done_ && !std::ferror(cli_.io.out);
  }

  void print(const ServerEvent& event, const json::value& data) {
    const json::object whole{{"event", event.type}, {"id", event.id}, {"data", data}};
    switch (cli_.settings.output.kind) {
      case OutputForm::Kind::Table:
      case OutputForm::Kind::Wide: {
        const std::string state = state_of(data), now = to_rfc3339(async::SystemClock().wall());
        std::string line = words("{}  {:<13}  {}{}", local_time(now).substr(11), event.type, visible(subject_of(data)),
                                 state.empty() ? "" : "  " + visible(state));
        while (line.ends_with(' ')) line.pop_back();
        cli_.print(line + "\n");
        return;
      }
      case OutputForm::Kind::Csv:
        if (!headed_) cli_.print("event,id,subject,state\n");
        headed_ = true;
        cli_.print(csv_line(cli_, {event.type, event.id, subject_of(data), state_of(data)}));
        return;
      case OutputForm::Kind::Name:
        // What concerns no one thing has no name: an empty line would be taken for one.
        if (const std::string subject = subject_of(data); !subject.empty()) print_change(cli_, whole, subject, "");
        return;
      default: print_change(cli_, whole, "", "");
    }
  }

  const Cli& cli_;
  const Wishes& wishes_;
  Interrupts interrupts_;
  std::string last_;
  std::uint64_t seen_ = 0;
  bool greeted_ = false, done_ = false, headed_ = false;
};

}  // namespace

void add_events_command(CLI::App& app, CliIo io, int& exit_code) {
  struct Flags {
    ClientOptions client;
    Wishes wishes;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* events = app.add_subcommand("events", "Show what changes, as it changes, until Ctrl-C");
  events->footer(
      "A connection that breaks is made again from where it broke. -o name prints what each is about.\n"
      "Examples:\n"
      "  cronfleet events\n"
      "  cronfleet events --topic runs -o ndjson\n"
      "  cronfleet events --topic jobs,workers --count 1");
  events->add_option("--topic", flags->wishes.topics, "only these: jobs, runs, workers, system")
      ->delimiter(',')
      ->check(CLI::IsMember({"jobs", "runs", "workers", "system"}))
      ->type_name("TOPIC");
  events->add_option("--since", flags->wishes.since, "id of the last event seen")
      ->check(CLI::Validator(
          [](std::string& id) {
            static const std::regex kId("[0-9a-f]+\\.[0-9]+");
            return std::regex_match(id, kId)
                       ? std::string()
                       : words("'{}': expected the id of an event like 5d1f0b7a.412; -o json shows them", id);
          },
          "", ""))
      ->type_name("ID");
  events->add_option("-n,--count", flags->wishes.count, "end after so many")
      ->check(whole_number(1, 1'000'000'000, "; without it, until Ctrl-C"))
      ->type_name("COUNT");
  add_client_options(*events, flags->client);
  events->callback([flags, io, &exit_code] {
    exit_code =
        with_cli(io, flags->client, kEventForm, [flags](const Cli& cli) { return Watcher(cli, flags->wishes).run(); });
  });
}

}  // namespace cronfleet::cli
