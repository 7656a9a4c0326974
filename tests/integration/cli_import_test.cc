// cronfleet import crontab against a real server.
#include <boost/json.hpp>

#include "tests/integration/cli_fixture.h"

namespace cronfleet::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST_F(CliTest, ImportsACrontabWholeOrNotAtAll) {
  const std::string crontab = "# Backs up.\n0 2 * * * /opt/backup.sh\n*/5 * * * * poll % in\n";
  const Ran shown = run({"import", "crontab", "-", "--zone", "America/New_York"}, crontab);
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("stdin:2: 0 2 * * * /opt/backup.sh\n"
                                   "  job 'backup.sh': '0 2 * * *' in America/New_York, as user "));
  EXPECT_THAT(shown.out, HasSubstr("fires as under cron: the same next 1000 firings, until "));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "");
  const Ran differing = run({"import", "crontab", "-", "--zone", "America/New_York"}, "*/30 2 * * * x\n");
  EXPECT_EQ(differing.exit_code, 3);
  EXPECT_THAT(differing.out, HasSubstr(": cron does not start it, cronfleet starts it once\n"));

  const Ran refused = run({"import", "crontab", "-", "--apply"}, crontab + "0 24 * * * never\n");
  EXPECT_EQ(refused.exit_code, 7);
  EXPECT_THAT(refused.err, HasSubstr("stdin:4:3: hour: 24 is out of range 0-23\n"));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "");
  // One name is taken: neither of the others is imported.
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("poll", "@daily")).exit_code, 0);
  const Ran taken = run({"import", "crontab", "-", "--apply"}, crontab);
  EXPECT_EQ(taken.exit_code, 6) << taken.err;
  EXPECT_THAT(taken.err, HasSubstr("job 'poll': another job of that name stands there"));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "poll\n");
  EXPECT_EQ(run({"import", "crontab", "-", "--apply", "--prefix", "old ", "--zone", "UTC"}, crontab).exit_code, 0);
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "old backup.sh\nold poll\npoll\n");
  const auto job = boost::json::parse(run({"job", "get", "old poll", "-o", "json"}).out).at("job");
  EXPECT_EQ(job.at("command"), "{ poll \n} <<'CRONFLEET_INPUT'\n in\nCRONFLEET_INPUT");
  EXPECT_EQ(job.at("overlap"), "allow");
  EXPECT_EQ(job.at("time_zone"), "UTC");
  EXPECT_THAT(taken.out, HasSubstr("  another job of that name stands there; --prefix gives other names\n"));
  EXPECT_EQ(run({"import", "crontab", "-"}, crontab).exit_code, 6) << "the dry run says what --apply would meet";
  const Ran again = run({"import", "crontab", "-", "--apply", "--prefix", "old ", "--zone", "UTC"}, crontab);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("0 jobs imported, 2 stood there already\n"));
}

TEST_F(CliTest, ImportsAgainWhatHasChangedInACrontab) {
  const auto import = [&](std::vector<std::string> more, const std::string& crontab) {
    more.insert(more.begin(), {"import", "crontab", "-", "--zone", "UTC"});
    return run(more, crontab);
  };
  const auto field = [&](const std::string& name, const std::string& path) {
    return run({"job", "get", name, "-o", "template={job." + path + "}"}).out;
  };
  const std::string before = "0 2 * * * backup\n@daily poll\n", after = "0 3 * * * backup\n@daily poll\n@hourly new\n";
  EXPECT_THAT(import({"--apply"}, before).err, HasSubstr("2 jobs imported\n"));
  // Somebody has made it their own since: that stays.
  Ran got = run({"job", "get", "backup", "-o", "json"});
  auto mine = boost::json::parse(got.out).at("job").as_object();
  mine["enabled"] = false;
  mine["timeout"] = "1h";
  mine["labels"].as_object()["team"] = "db";
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, boost::json::serialize(mine)).exit_code, 0);
  EXPECT_THAT(import({"--apply"}, before).err, HasSubstr("0 jobs imported, 2 stood there already\n"));

  const Ran dry = import({}, after);
  EXPECT_EQ(dry.exit_code, 6) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("  an earlier import made the job; --update changes it:\n"));
  EXPECT_THAT(dry.out, HasSubstr("    -schedule: \"0 2 * * *\"\n    +schedule: \"0 3 * * *\"\n"));
  EXPECT_THAT(dry.out, HasSubstr("  the job stands there already\n"));
  EXPECT_THAT(dry.err, EndsWith("nothing was imported\n")) << "--apply alone would not do it";
  const Ran refused = import({"--apply"}, after);
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("job 'backup': an earlier import made it, and its line has changed; --update "));
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "backup\npoll\n");
  const auto json = boost::json::parse(import({"--update", "-o", "json"}, after).out);
  EXPECT_EQ(json.at("items").at(0).at("result"), "changed");
  EXPECT_EQ(json.at("items").at(0).at("changes").at(0).at("pointer"), "/schedule");
  EXPECT_EQ(json.at("items").at(1).at("result"), "unchanged");
  EXPECT_EQ(json.at("items").at(2).at("result"), "created");

  const Ran updated = import({"--apply", "--update"}, after);
  EXPECT_EQ(updated.exit_code, 0) << updated.err;
  EXPECT_THAT(updated.out, HasSubstr("  changes the job that an earlier import made:\n"));
  EXPECT_THAT(updated.err, HasSubstr("1 job imported, 1 changed, 1 stood there already\n"));
  EXPECT_EQ(field("backup", "schedule"), "0 3 * * *\n");
  EXPECT_EQ(field("backup", "enabled"), "false\n");
  EXPECT_EQ(field("backup", "timeout"), "1h\n");
  EXPECT_EQ(field("backup", "labels.team"), "db\n");

  // Neither another user's crontab nor a job that no import made is changed.
  EXPECT_EQ(import({"--apply", "--update", "--user", "nobody"}, before).exit_code, 6);
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("hand", "@daily")).exit_code, 0);
  EXPECT_EQ(import({"--apply", "--update"}, "0 2 * * * hand\n").exit_code, 6);
  EXPECT_EQ(field("backup", "schedule"), "0 3 * * *\n");
}

TEST_F(CliTest, AnImportEndsAsItsHelpSays) {
  const std::string fires_otherwise = "*/30 2 * * * x\n";
  EXPECT_EQ(run({"import", "crontab", "-", "--zone", "America/New_York"}, fires_otherwise).exit_code, 3);
  const Ran applied = run({"import", "crontab", "-", "--apply", "--zone", "America/New_York"}, fires_otherwise);
  EXPECT_EQ(applied.exit_code, 0) << "it was seen, and is imported: " << applied.err;
  const std::string wrong = "0 3 * * * y\n0 24 * * * z\n";
  const Ran shown = run({"import", "crontab", "-", "--keep-going"}, wrong);
  EXPECT_EQ(shown.exit_code, 7);
  EXPECT_THAT(shown.err, HasSubstr("1 line becomes a job, 0 of them fire otherwise at times, 1 is refused\n"));
  EXPECT_EQ(run({"import", "crontab", "-", "--apply"}, wrong).exit_code, 7);
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "x\n");
  EXPECT_EQ(run({"import", "crontab", "-", "--apply", "--keep-going"}, wrong).exit_code, 7) << "a line is left out";
  EXPECT_EQ(run({"job", "list", "-o", "name"}).out, "x\ny\n");
  // Without a server lines are shown all the same, and nothing is imported.
  server_address_ = "http://127.0.0.1:1";
  const Ran alone = run({"import", "crontab", "-"}, "0 3 * * * y\n");
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_THAT(alone.out, HasSubstr("job 'y': '0 3 * * *'"));
  EXPECT_THAT(alone.err, HasSubstr("what stands on the server is not known: cannot reach http://127.0.0.1:1"));
  EXPECT_EQ(run({"import", "crontab", "-", "--apply"}, "0 3 * * * y\n").exit_code, 8);
}

}  // namespace
}  // namespace cronfleet::testing
