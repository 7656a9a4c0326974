// The client commands against a real server.
#include <atomic>
#include <boost/json.hpp>
#include <fstream>

#include "api/http_server.h"
#include "async/asio_loop.h"
#include "tests/integration/cli_fixture.h"

namespace cronfleet::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(CliTest, AppliesListsGetsDeletes) {
  Ran applied = run({"job", "apply", "-f", "-"}, job("夜间 备份", "0 2 * * *"));
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_THAT(applied.out, StartsWith("job '夜间 备份' created; fires next at "));
  EXPECT_THAT(run({"job", "apply", "-f", "-"}, job("夜间 备份", "0 2 * * *")).out, HasSubstr("unchanged"));
  EXPECT_THAT(run({"job", "apply", "-f", "-"}, job("夜间 备份", "0 3 * * *")).out, HasSubstr("changed"));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "夜间 备份\n");
  EXPECT_THAT(run({"job", "list"}).out,
              StartsWith("NAME       SCHEDULE   ZONE  STATE    NEXT FIRING\n夜间 备份  0 3 * * *  UTC   enabled  "));
  EXPECT_EQ(run({"job", "list", "--label", "team=web", "-o", "name"}).out, "");

  // What get prints can be applied again as it is.
  const Ran got = run({"job", "get", "夜间 备份", "-o", "json"});
  EXPECT_EQ(boost::json::parse(got.out).at("job").at("schedule"), "0 3 * * *");
  EXPECT_THAT(run({"job", "apply", "-f", "-"}, got.out).out, HasSubstr("unchanged"));
  EXPECT_THAT(run({"job", "get", "夜间 备份"}).out, HasSubstr("schedule     0 3 * * *\n"));

  const Ran missing = run({"job", "get", "nobody"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err, "no job 'nobody'\n");
  EXPECT_EQ(run({"job", "delete", "夜间 备份", "--yes"}).out, "job '夜间 备份' deleted\n");
  EXPECT_EQ(run({"job", "delete", "夜间 备份", "--yes"}).exit_code, 4);
}

TEST_F(CliTest, OperatesWorkers) {
  core::WorkerEntry worker;
  worker.node = NodeId("web-1");
  worker.host = "web-1.example";
  worker.capacity = 4;
  worker.running = 1;
  worker.labels = {{"zone", "eu"}};
  worker.warnings = {"clock 3.1 s ahead"};
  worker.load = core::WorkerLoad{8, 37, 3ull << 30, 16ull << 30, 5 << 20, 512 << 20, -250, 3, 11};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  EXPECT_THAT(run({"worker", "list"}).out, HasSubstr("web-1  ready  1/4      zone=eu"));
  EXPECT_EQ(run({"worker", "list", "-o", "name"}).out, "web-1\n");
  EXPECT_THAT(run({"worker", "get", "web-1"}).out, HasSubstr("WARNING  clock 3.1 s ahead\n"));
  EXPECT_THAT(
      run({"worker", "get", "web-1"}).out,
      AllOf(HasSubstr("37 % of 8\n"), HasSubstr("3072 of 16384 MiB\n"), HasSubstr("5 of 512 MiB\n"),
            HasSubstr("250 ms behind the others\n"), HasSubstr("answers in 3 ms\n"), HasSubstr("answers in 11 ms\n")));
  EXPECT_THAT(run({"worker", "list", "-o", "wide"}).out, HasSubstr("37 % of 8  3072 of 16384 MiB  5 of 512 MiB"));
  EXPECT_EQ(run({"worker", "get", "web-9"}).exit_code, 4);
  EXPECT_EQ(run({"worker", "drain", "web-1", "--reason", "new disk"}).out,
            "worker 'web-1' takes no more runs; what runs goes on\n");
  EXPECT_THAT(run({"worker", "get", "web-1"}).out, HasSubstr("REASON   new disk\n"));
  EXPECT_EQ(run({"worker", "undrain", "web-1"}).exit_code, 0);
  EXPECT_EQ(run({"worker", "labels", "web-1", "gpu=true", "rack=7"}).out, "gpu=true\nrack=7\n");
  EXPECT_EQ(run({"worker", "labels", "web-1", "gpu-"}).out, "rack=7\n");
  EXPECT_EQ(run({"worker", "labels", "web-1"}).out, "rack=7\n");
  EXPECT_EQ(run({"worker", "labels", "web-1", "gpu"}).exit_code, 2);

  const Ran alarms = run({"alarm", "list"});
  EXPECT_THAT(alarms.out, HasSubstr("clock_suspect  web-1  clock 3.1 s ahead  set its clock"));
  EXPECT_EQ(run({"alarm", "list", "-o", "name"}).out, "clock_suspect\n");
  EXPECT_EQ(run({"alarm", "confirm", "clock_suspect"}).exit_code, 2);
  EXPECT_EQ(run({"alarm", "confirm", "restored_store"}).exit_code, 6) << "it does not stand";
  server_.health.set_back_to = 1;
  EXPECT_THAT(run({"alarm", "confirm", "restored_store"}).out, HasSubstr("claims go on"));

  EXPECT_EQ(run({"worker", "forget", "web-1"}).exit_code, 2) << "nobody vouched for it";
  EXPECT_EQ(run({"worker", "forget", "web-1", "--yes"}).exit_code, 6) << "it is registered";
  server_.remove(server_.keys.worker(worker.node));
  EXPECT_THAT(run({"worker", "forget", "web-1", "--yes"}).out, HasSubstr("0 of its jobs may run elsewhere"));
}

TEST_F(CliTest, PausesResumesAndChoosesAWorker) {
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("nightly", "0 2 * * *")).exit_code, 0);
  EXPECT_EQ(run({"job", "pause", "nightly"}).out, "job 'nightly' paused; does not fire\n");
  EXPECT_THAT(run({"job", "list"}).out, HasSubstr("paused"));
  EXPECT_THAT(run({"job", "resume", "nightly"}).out, StartsWith("job 'nightly' resumed; fires next at "));
  EXPECT_EQ(run({"job", "pause", "nightly", "--until", "yesterday"}).exit_code, 7);
  EXPECT_EQ(run({"job", "pause", "nobody"}).exit_code, 4);
  const Ran nowhere = run({"job", "run", "nightly", "--worker", "web-1"});
  EXPECT_EQ(nowhere.exit_code, 7);
  EXPECT_EQ(run({"job", "run", "nobody"}).err, "no job 'nobody'\n");
  EXPECT_EQ(run({"job", "run", "nigthly"}).err, "no job 'nigthly'; did you mean 'nightly'?\n");
  EXPECT_EQ(run({"job", "restore", "nightly", "999999"}).err, "no version 999999 of job 'nightly' is kept\n");
  EXPECT_EQ(nowhere.err, "--worker: no worker 'web-1' is registered\n");
  server_.put(server_.keys.job(JobName("broken")), R"({"command":"true","cronExpr":"0 24 * * *"})");
  Ran listed;
  for (int tries = 0; tries < 2'000 && listed.out.find("refused") == std::string::npos; ++tries)
    listed = run({"job", "list"});
  EXPECT_THAT(listed.err, HasSubstr("job 'broken' is refused: /"));
}

TEST_F(CliTest, ListsEveryPage) {
  std::string all = "[";
  for (int i = 0; i < 520; ++i) all += (i ? "," : "") + job(fmt::format("job-{:03}", i), "@daily");
  EXPECT_EQ(run({"job", "apply", "-o", "name", "-f", "-"}, all + "]").exit_code, 0);
  const std::string names = run({"job", "list", "-o", "name"}).out;
  EXPECT_EQ(std::count(names.begin(), names.end(), '\n'), 520);
}

TEST_F(CliTest, SaysWhatIsWrongAndWhere) {
  const Ran local = run({"job", "apply", "-f", "-"}, "{\"name\":\"x\",\n\"schedul\":\"@daily\",\"command\":\"true\"}");
  EXPECT_EQ(local.exit_code, 7);
  EXPECT_THAT(local.err, HasSubstr("stdin: /schedul (line 2, column 1)"));
  const Ran remote = run({"job", "apply", "-f", "-"}, job("x", "0 24 * * *"));
  EXPECT_EQ(remote.exit_code, 7);
  EXPECT_THAT(remote.err, HasSubstr("/schedule column 3: hour 24 is out of range 0-23"));
  EXPECT_EQ(run({"job", "apply", "-f", "-"}, job("x", "0 0 30 2 *")).exit_code, 7);
  EXPECT_EQ(run({"job", "apply", "-f", "/nonexistent"}).exit_code, 7);
  EXPECT_EQ(run({"job", "get", "a/b"}).exit_code, 7);
  EXPECT_EQ(run({"job", "get"}).exit_code, 2);
  EXPECT_EQ(run({"job", "fly"}).exit_code, 2);
  EXPECT_EQ(run({"run", "list", "--status", "fine"}).exit_code, 7);
  server_address_ = "http://127.0.0.1:1";
  const Ran unreachable = run({"job", "list"});
  EXPECT_EQ(unreachable.exit_code, 8);
  EXPECT_EQ(unreachable.err,
            "cannot reach http://127.0.0.1:1: connection refused; is a cronfleet server running there?\n");
  server_address_ = "ftp://x";
  EXPECT_EQ(run({"job", "list"}).exit_code, 2);
}

TEST_F(CliTest, RefusesValuesThatMakeNoSense) {
  server_address_ = "http://127.0.0.1:1";  // nobody is asked
  struct Case {
    std::vector<std::string> arguments;
    const char* sentence;
  };
  const std::string long_id(65, 'x');
  for (const Case& each :
       {Case{{"events", "-n", "0"}, "-n: '0': expected a whole number from 1"},
        Case{{"job", "list", "--request-id", "a b"},
             "--request-id: 'a b': expected 1 to 64 letters, digits, '.', '_' and '-'\n"},
        Case{{"job", "list", "--request-id", "a\r\nX: y"}, "--request-id: 'a\\x0d\\nX: y': expected"},
        Case{{"job", "list", "--request-id", long_id}, "expected 1 to 64 letters"},
        Case{{"run", "list", "--from", "2026-03-02T00:00:00Z", "--until", "2026-03-01T00:00:00Z"},
             "--from 2026-03-02T00:00:00Z is not before --until 2026-03-01T00:00:00Z: nothing lies between them\n"}}) {
    const Ran ran = run(each.arguments);
    EXPECT_EQ(ran.exit_code, 2) << ::testing::PrintToString(each.arguments);
    EXPECT_THAT(ran.err, HasSubstr(each.sentence)) << ::testing::PrintToString(each.arguments);
  }
  server_address_ = fmt::format("http://127.0.0.1:{}", server_.port());
  EXPECT_EQ(run({"job", "list", "--request-id", "Build_7.1-x"}).exit_code, 0);
  EXPECT_EQ(run({"run", "list", "--from", "2026-03-01T00:00:00Z", "--until", "2026-03-02T00:00:00+01:00"}).exit_code,
            0);
}

// What an unset variable of a script gives: neither all jobs nor a question to the server.
TEST_F(CliTest, RefusesWhatIsEmpty) {
  server_address_ = "http://127.0.0.1:1";  // nobody is asked
  struct Case {
    std::vector<std::string> arguments;
    const char* sentence;
  };
  for (const Case& each :
       {Case{{"job", "get", ""}, "cronfleet job get: the name is empty\n"},
        Case{{"job", "edit", ""}, "the name is empty\n"}, Case{{"job", "run", ""}, "the name is empty\n"},
        Case{{"job", "pause", "x", ""}, "the name is empty\n"},
        Case{{"job", "delete", "", "--yes"}, "the name is empty\n"},
        Case{{"job", "clone", "x", ""}, "the name is empty\n"}, Case{{"job", "export", ""}, "the name is empty\n"},
        Case{{"job", "create", "", "-s", "@daily", "--", "true"}, "the name is empty\n"},
        Case{{"run", "get", ""}, "cronfleet run get: the id is empty\n"},
        Case{{"run", "kill", ""}, "the id is empty\n"}, Case{{"worker", "drain", ""}, "the node is empty\n"},
        Case{{"import", "crontab", ""}, "the path is empty\n"}, Case{{"alarm", "confirm", ""}, "the alarm is empty\n"},
        Case{{"job", "apply", "-f", "x", "--prune", ""}, "--prune: it is empty; expected LABEL\n"},
        Case{{"job", "list", "--label", ""}, "--label: it is empty; expected LABEL\n"},
        Case{{"job", "export", "--label="}, "--label: it is empty; expected LABEL\n"},
        Case{{"run", "list", "--job", ""}, "--job: it is empty; expected JOB\n"},
        Case{{"run", "list", "--limit", ""}, "--limit: it is empty; expected COUNT\n"},
        Case{{"events", "--since", ""}, "--since: it is empty; expected ID\n"}}) {
    const Ran ran = run(each.arguments);
    EXPECT_EQ(ran.exit_code, 2) << ::testing::PrintToString(each.arguments);
    EXPECT_THAT(ran.err, HasSubstr(each.sentence)) << ::testing::PrintToString(each.arguments);
  }
  server_address_ = fmt::format("http://127.0.0.1:{}", server_.port());
  EXPECT_EQ(run({"job", "create", "x", "-s", "@daily", "--description", "", "--", "printf", ""}).exit_code, 0);
}

// A repeated option takes one word each time, and neither the "--" nor what stands after it.
TEST_F(CliTest, TakesWordsAsTheyStand) {
  const auto command_of = [&](const std::string& name) {
    return run({"job", "get", name, "-o", "template={job.command}"}).out;
  };
  EXPECT_EQ(
      run({"job", "create", "a", "-s", "@daily", "-l", "team=db", "--", "/usr/bin/poll", "--all", "-l"}).exit_code, 0);
  EXPECT_EQ(command_of("a"), "[\"/usr/bin/poll\",\"--all\",\"-l\"]\n");
  EXPECT_EQ(run({"job", "create", "-s", "@daily", "-l", "team=db", "-e", "A=1", "b", "--", "[ -d /a,b ] && [ -d /c ]"})
                .exit_code,
            0);
  EXPECT_EQ(command_of("b"), "[ -d /a,b ] && [ -d /c ]\n") << "no list";
  EXPECT_EQ(run({"job", "create", "c", "-s", "@daily", "--description", "[x]", "--", "[", "x", "]"}).exit_code, 0);
  EXPECT_EQ(command_of("c"), "[\"[\",\"x\",\"]\"]\n");
  EXPECT_EQ(run({"job", "get", "c", "-o", "template={job.description}"}).out, "[x]\n");
  EXPECT_EQ(run({"job", "delete", "--yes", "[a,b]"}).err, "no job '[a,b]'\n");
  EXPECT_EQ(run({"job", "list", "-l", "team=db", "-o", "name"}).out, "a\nb\n");
}

TEST_F(CliTest, AppliesNothingWhenOneDocumentIsWrong) {
  const Ran applied = run({"job", "apply", "-f", "-"}, "[" + job("good", "@daily") + ",{\"name\":\"bad\"}]");
  EXPECT_EQ(applied.exit_code, 7);
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "");
}

// The others are applied, each mistake is said, and the first failure is the exit code.
TEST_F(CliTest, KeepsGoingPastAWrongDocument) {
  const std::string documents = "[" + job("good", "@daily") + R"(,{"name":"bad"},)" + job("never", "0 0 30 2 *") + "," +
                                job("good", "@hourly") + "," + job("last", "@daily") + "]";
  const Ran applied = run({"job", "apply", "-f", "-", "--keep-going"}, documents);
  EXPECT_EQ(applied.exit_code, 7) << applied.err;
  EXPECT_THAT(applied.err, HasSubstr("stdin[1]: /schedule"));
  EXPECT_THAT(applied.err, HasSubstr("stdin[3]: job 'good' stands in stdin[0] already\n"));
  EXPECT_THAT(applied.err, HasSubstr("stdin[2]: job 'never': "));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "good\nlast\n");
  EXPECT_EQ(run({"job", "get", "good", "-o", "template={job.schedule}"}).out, "@daily\n");

  TemporaryFolder folder;
  const std::string yaml = folder.file("a.yaml"), json = folder.file("b.json");
  std::ofstream(yaml) << "name: [\n";
  std::ofstream(json) << job("third", "@daily");
  const Ran files = run({"job", "apply", "-f", yaml, "-f", folder.file("none.json"), "-f", json, "--keep-going"});
  EXPECT_EQ(files.exit_code, 7);
  EXPECT_THAT(files.err, HasSubstr(yaml + ": line "));
  EXPECT_THAT(files.err, HasSubstr("cannot read " + folder.file("none.json")));
  EXPECT_THAT(files.out, HasSubstr("job 'third' created"));

  // What is left out may be the document of a job that --prune would delete.
  const Ran pruned = run({"job", "apply", "-f", yaml, "-f", json, "--keep-going", "--prune", "team=db", "--yes"});
  EXPECT_EQ(pruned.exit_code, 7);
  EXPECT_THAT(pruned.err, HasSubstr("nothing is deleted"));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "good\nlast\nthird\n");
  const Ran nothing = run({"job", "apply", "-f", yaml, "--keep-going"});
  EXPECT_EQ(nothing.exit_code, 7);
  EXPECT_THAT(nothing.err, HasSubstr("nothing was applied\n"));
}

// A template is judged before anything is asked for or changed.
TEST_F(CliTest, RefusesATemplateThatNamesNoField) {
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("x", "@daily")).exit_code, 0);
  struct Case {
    std::vector<std::string> arguments;
    const char *form, *sentence;
  };
  for (const Case& each :
       {Case{{"job", "list"}, "{nmae}", "column 2: there is no field 'nmae'; did you mean 'name'?"},
        Case{{"job", "get", "x"},
             "名: {name} {job.schedul}",
             "column 16: there is no field 'job.schedul'; did you mean "
             "'job.schedule'?"},
        Case{{"job", "list"}, "{name", "column 1: a '{' without its '}'"},
        Case{{"job", "list"}, "{name}}", "column 7: a '}' without its '{'"},
        Case{{"job", "list"}, "a {}", "column 3: no field stands between the braces"},
        Case{{"job", "list"}, "{name.first}", "column 7: there is no field 'name.first'"},
        Case{{"job", "delete", "x", "--yes"}, "{nam}", "did you mean 'name'?"},
        Case{{"job", "run", "x"}, "{status}", "there is no field 'status'; expected one of dry_run, repeated, run_id"},
        Case{{"job", "run", "x", "--wait"}, "{run_id}", "there is no field 'run_id'"},
        Case{{"job", "apply", "-f", "x"}, "{next_fring}", "did you mean 'next_firing'?"},
        Case{{"run", "list"}, "{exit_cod}", "did you mean 'exit_code'?"},
        Case{{"worker", "list"}, "{nod}", "did you mean 'node'?"},
        Case{{"worker", "drain", "a"}, "{settings.drained}", "did you mean 'settings.drain'?"},
        Case{{"alarm", "list"}, "{cod}", "did you mean 'code'?"},
        Case{{"events"}, "{data.run.statsu}", "did you mean 'data.run.status'?"},
        Case{{"import", "crontab", "-"}, "{job.nam}", "did you mean 'job.name'?"}}) {
    std::vector<std::string> arguments = each.arguments;
    arguments.insert(arguments.end(), {"-o", std::string("template=") + each.form});
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << each.form;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, StartsWith("-o template: column ")) << each.form;
    EXPECT_THAT(ran.err, HasSubstr(each.sentence)) << each.form;
  }
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "x\n");
  // Maps have any key, lists numbers; what a field is made of is not said everywhere.
  for (const char* form : {"{job.labels.team} {job.labels.no}", "{next_firings.0}", "{job.limits.memory}", "{{{name}}}",
                           "{job.env.A} {errors.0.detail} {refused_by.web-1}", "{job}"})
    EXPECT_EQ(run({"job", "list", "-o", std::string("template=") + form}).exit_code, 0) << form;
}

TEST_F(CliTest, EventsAsCsvAndNames) {
  std::atomic<bool> over = false;
  // Two jobs saved and one event of the system's own; events since the beginning of the stream.
  const auto events = [&](const char* form) {
    std::thread saver([&] {
      for (int i = 0; !over; ++i) run({"job", "apply", "-f", "-"}, job("a, b", fmt::format("{} 2 * * *", i % 60)));
    });
    const Ran ran = run({"events", "--topic", "jobs", "-n", "2", "-o", form});
    over = true;
    saver.join();
    over = false;
    return ran;
  };
  const Ran csv = events("csv");
  EXPECT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_THAT(csv.out, ::testing::MatchesRegex("event,id,subject,state\n"
                                               "job_?[a-z]*,[^,\n]+,\"a, b\",[a-z]*\n"
                                               "job_?[a-z]*,[^,\n]+,\"a, b\",[a-z]*\n"));
  EXPECT_EQ(events("name").out, "a, b\na, b\n");
}

// CLI-6: the store has no room; it may have later.
TEST_F(CliTest, NoSpaceIsUnavailable) {
  api::Router router;
  router.add({.method = api::Method::Put, .pattern = "/api/v1/jobs/{name}", .handle = [](api::Call&) -> api::Answer {
                return api::Refusal(api::Problem{.status = 507, .code = "no_space", .detail = "the disk is full"});
              }});
  async::SystemClock clock;
  async::SystemTokens tokens;
  api::HttpServer full({.addresses = {"127.0.0.1"}, .port = 0}, router, clock, tokens);
  ASSERT_TRUE(full.start());
  server_address_ = fmt::format("http://127.0.0.1:{}", full.port());
  const Ran ran = run({"job", "create", "x", "-s", "@daily", "--", "true"});
  EXPECT_EQ(ran.exit_code, 8);
  EXPECT_EQ(ran.err, "the disk is full\n");
}

// What was refused before anything was done is asked again, whatever it was; what may have been done is not.
TEST_F(CliTest, AsksAgainWhatWasNotTaken) {
  struct Case {
    const char* code;
    int calls, exit_code;
  };
  for (const Case& each : {Case{"starting", 2, 0}, Case{"overloaded", 2, 0}, Case{"unavailable", 1, 8}}) {
    std::atomic<int> calls = 0;
    const auto refuse_once = [&](api::Call&) -> api::Answer {
      if (++calls == 1) return api::Refusal(api::Problem{.status = 503, .code = each.code, .detail = "not now"});
      return api::Response{.body = "{}"};
    };
    api::Router router;
    router.add({.method = api::Method::Delete, .pattern = "/api/v1/jobs/{name}", .handle = refuse_once});
    async::SystemClock clock;
    async::SystemTokens tokens;
    api::HttpServer refusing({.addresses = {"127.0.0.1"}, .port = 0}, router, clock, tokens);
    ASSERT_TRUE(refusing.start());
    server_address_ = fmt::format("http://127.0.0.1:{}", refusing.port());
    EXPECT_EQ(run({"job", "delete", "nightly", "--yes"}).exit_code, each.exit_code) << each.code;
    EXPECT_EQ(calls, each.calls) << each.code;
  }
}

TEST_F(CliTest, Version) { EXPECT_THAT(run({"version"}).out, StartsWith("cronfleet ")); }

}  // namespace
}  // namespace cronfleet::testing
