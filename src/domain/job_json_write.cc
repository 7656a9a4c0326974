// The writing half of domain/job_json.h.
#include "domain/job_json.h"
#include "domain/json_writer.h"

namespace cronfleet::domain {
namespace {

class JobWriter {
 public:
  explicit JobWriter(Instants instants) : instants_(instants) {}
  std::string write(const Job& job) {
    json_.object([&] {
      identity(job);
      process(job);
      windows(job);
      policies(job);
      texts("since", job.since);
      if (job.stamp) json_.member("stamp", job.stamp.text());
      texts("schedule_set_at", job.schedule_set_at);
    });
    return json_.take();
  }

 private:
  void identity(const Job& job) {
    json_.member("name", job.name.text());
    json_.member("schedule", job.schedule);
    unless_default("time_zone", *job.time_zone, *default_.time_zone);
    unless_default("enabled", job.enabled, default_.enabled);
    unless_default("description", job.about->description, default_.about->description);
    unless_default("owner", job.about->owner, default_.about->owner);
    unless_default("labels", job.about->labels, default_.about->labels);
  }

  void process(const Job& job) {
    json_.key("command");
    std::visit([&](const auto& command) { value(command); }, job.command);
    unless_default("shell", job.process->shell, default_.process->shell);
    unless_default("env", job.process->environment, default_.process->environment);
    unless_default("working_directory", job.process->working_directory, default_.process->working_directory);
    unless_default("user", job.process->user, default_.process->user);
    if (job.process->umask) json_.member("umask", fmt::format("{:03o}", *job.process->umask));
    unless_default("limits", job.process->limits, default_.process->limits);
    unless_default("timeout", job.timing->timeout, default_.timing->timeout);
    unless_default("kill_grace", job.timing->kill_grace, default_.timing->kill_grace);
    unless_default("parameters", *job.parameters, *default_.parameters);
    unless_default("output_bytes_max", job.process->output_bytes_max, default_.process->output_bytes_max);
  }

  void windows(const Job& job) {
    texts("paused_until", job.window->paused_until);
    texts("starts_at", job.window->starts_at);
    texts("ends_at", job.window->ends_at);
  }

  void policies(const Job& job) {
    unless_default("overlap", job.overlap, default_.overlap);
    unless_default("misfire", job.misfire, default_.misfire);
    unless_default("catch_up_window", job.timing->catch_up_window, default_.timing->catch_up_window);
    unless_default("start_deadline", job.timing->start_deadline, default_.timing->start_deadline);
    unless_default("jitter", job.timing->jitter, default_.timing->jitter);
    unless_default("retry", *job.retry, *default_.retry);
    unless_default("delivery", job.delivery, default_.delivery);
    unless_default("where", *job.where, *default_.where);
  }

  template <typename T>
  void unless_default(std::string_view key, const T& content, const T& by_default) {
    if (content == by_default) return;
    json_.key(key);
    value(content);
  }
  void texts(std::string_view key, const std::optional<WallTime>& at) {
    if (at) json_.member(key, instants_ == Instants::Milliseconds ? to_rfc3339_ms(*at) : to_rfc3339(*at));
  }

  template <typename T>
  void value(const T& content) {
    json_.value(content);
  }
  void value(milliseconds duration) { json_.value(to_text(duration)); }
  void value(const std::vector<std::string>& texts) {
    json_.array([&] {
      for (const std::string& text : texts) json_.value(text);
    });
  }
  void value(const std::map<std::string, std::string>& pairs) {
    json_.object([&] {
      for (const auto& [key, content] : pairs) json_.member(key, content);
    });
  }
  void value(const std::vector<Parameter>& parameters) { write_parameters(json_, parameters); }
  void value(const Overlap& overlap) {
    switch (overlap.mode) {
      case Overlap::Mode::Forbid: return value("forbid");
      case Overlap::Mode::Allow: return value("allow");
      case Overlap::Mode::Replace: return value("replace");
      case Overlap::Mode::Queue: json_.object([&] { json_.member("queue", overlap.queue_max); });
    }
  }
  void value(const Misfire& misfire) {
    switch (misfire.mode) {
      case Misfire::Mode::RunOnce: return value("run_once");
      case Misfire::Mode::Skip: return value("skip");
      case Misfire::Mode::RunAll: json_.object([&] { json_.member("run_all", misfire.run_all_max); });
    }
  }
  void value(const Delivery& delivery) {
    if (delivery.mode == Delivery::Mode::AtMostOnce) return value("at_most_once");
    json_.object([&] { json_.member("at_least_once", delivery.attempts_max); });
  }
  void value(const Where& where) {
    json_.object([&] {
      for (const auto& [label, condition] : where) {
        json_.key(label);
        if (!condition.negated) {
          label_values(condition.values);
        } else {
          json_.object([&] {
            json_.key("not");
            label_values(condition.values);
          });
        }
      }
    });
  }
  void label_values(const std::vector<std::string>& values) {
    values.size() == 1 ? value(values.front()) : value(values);
  }
  void value(const Retry& retry) {
    json_.object([&] {
      const Retry& by_default = *default_.retry;
      unless_default("count", retry.count, by_default.count);
      unless_default("delay", retry.delay, by_default.delay);
      unless_default("factor", retry.factor, by_default.factor);
      unless_default("delay_max", retry.delay_max, by_default.delay_max);
      if (retry.exit_codes.empty()) return;
      json_.key("exit_codes").array([&] {
        for (const int code : retry.exit_codes) json_.value(code);
      });
    });
  }
  void value(const Limits& limits) {
    json_.object([&] {
      const auto one = [&](std::string_view key, const std::optional<std::uint64_t>& limit) {
        if (limit) json_.member(key, *limit);
      };
      one("cpu_seconds", limits.cpu_seconds);
      one("address_space_bytes", limits.address_space_bytes);
      one("open_files", limits.open_files);
      one("processes", limits.processes);
      one("file_size_bytes", limits.file_size_bytes);
    });
  }

  JsonWriter json_;
  const Job default_;
  const Instants instants_;
};

}  // namespace

std::string encode_job(const Job& job, Instants instants) { return JobWriter(instants).write(job); }

}  // namespace cronfleet::domain
