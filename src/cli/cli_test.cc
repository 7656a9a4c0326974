// What the client shows and reads, without a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/client.h"
#include "cli/event_reader.h"
#include "cli/follow.h"
#include "cli/job_files.h"
#include "cli/terminal.h"
#include "tests/conformance/temporary_folder.h"

namespace cronfleet::cli {
namespace {

using ::testing::HasSubstr;

TEST(DisplayWidth, CountsCells) {
  EXPECT_EQ(display_width("nightly"), 7u);
  EXPECT_EQ(display_width("夜间备份"), 8u);
  EXPECT_EQ(display_width("ﾊﾟ"), 2u);       // half-width
  EXPECT_EQ(display_width("e\u0301"), 1u);  // combining
  EXPECT_EQ(display_width("🚀"), 2u);
  EXPECT_EQ(display_width(""), 0u);
}

TEST(Table, AlignsByCells) {
  Table table({"NAME", "STATE"});
  table.add({"夜间备份", "enabled"});
  table.add({"x", "disabled"});
  table.add({"bad\x1b[2J\nname", ""});
  EXPECT_EQ(table.text(),
            "NAME              STATE\n"
            "夜间备份          enabled\n"
            "x                 disabled\n"
            "bad\\x1b[2J\\nname\n");
}

TEST(Visible, ShowsWhatWouldAct) {
  EXPECT_EQ(visible("a\tb\x07"), "a\\tb\\x07");
  EXPECT_EQ(visible("\xff"), "\\xff");
  EXPECT_EQ(visible("abc\u202ecba"), "abc\\u202ecba");
  EXPECT_EQ(visible("\u009b"), "\\x9b");
  EXPECT_EQ(visible("夜间"), "夜间");
}

struct FilterCase {
  const char* why;
  std::string in, want;
};

TEST(OutputFilter, OnlyColoursPass) {
  const std::vector<FilterCase> cases = {
      {"plain", "hello\r\n\tworld\n", "hello\r\n\tworld\n"},
      {"colour", "\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"},
      {"true colour", "\x1b[38;2;1;2;3mx\x1b[m", "\x1b[38;2;1;2;3mx\x1b[m"},
      {"clear screen", "a\x1b[2Jb", "ab"},
      {"cursor", "a\x1b[10;10Hb", "ab"},
      {"title",
       "a\x1b]0;evil\x07"
       "b",
       "ab"},
      {"title ended by ST", "a\x1b]0;evil\x1b\\b", "ab"},
      {"link", "\x1b]8;;http://evil.example\x1b\\text\x1b]8;;\x1b\\", "text"},
      {"clipboard", "\x1b]52;c;ZXZpbA==\x07", ""},
      {"device control", "a\x1bPq#0\x1b\\b", "ab"},
      {"reset",
       "a\x1b"
       "cb",
       "ab"},
      {"charset", "a\x1b(0b", "ab"},
      {"bell and backspace",
       "a\x07\x08"
       "b\x7f",
       "ab"},
      {"private mode that ends in m", "a\x1b[>4;2mb", "ab"},
      {"two in a row", "\x1b[2J\x1b[31mx", "\x1b[31mx"},
      {"query for the answer back", "\x1b[6n\x05", ""},
      {"bytes that are no UTF-8", "\xff\xfe", "\xff\xfe"},
      {"wide characters", "备份", "备份"},
  };
  for (const FilterCase& test : cases) {
    EXPECT_EQ(OutputFilter().filter(test.in), test.want) << test.why;
    OutputFilter split;  // the same, byte by byte
    std::string out;
    for (const char c : test.in) out += split.filter({&c, 1});
    EXPECT_EQ(out, test.want) << test.why;
  }
}

TEST(EventReader, ReadsEventsInPieces) {
  const std::string stream =
      ": heartbeat\n\nevent: output\nid: 4\ndata: {\"a\":1}\n\nid: 9\r\ndata: one\r\ndata:two\r\n\r\nevent: "
      "none\n\nevent: "
      "end\ndata: x\n\n";
  for (std::size_t size : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    EventReader reader;
    std::vector<ServerEvent> events;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      reader.feed(std::string_view(stream).substr(at, size));
      while (auto event = reader.next()) events.push_back(*event);
    }
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].type, "output");
    EXPECT_EQ(events[0].id, "4");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].type, "message");
    EXPECT_EQ(events[1].data, "one\ntwo");
    EXPECT_EQ(events[2].type, "end");
  }
}

TEST(ParseServer, ByTable) {
  EXPECT_EQ(parse_server("http://127.0.0.1:8090")->text(), "http://127.0.0.1:8090");
  EXPECT_EQ(parse_server("http://[::1]:8090/")->text(), "http://[::1]:8090");
  EXPECT_EQ(parse_server("http://host")->port, "80");
  for (const char* url : {"", "127.0.0.1:8090", "https://x", "http://", "http://:80", "http://x:0", "http://x:65536",
                          "http://x:a", "http://x/path", "http://u@x", "http://[::1", "http://x:"})
    EXPECT_FALSE(parse_server(url)) << url;
}

TEST(Client, SaysWhyItCannotReachTheServer) {
  const auto answer = Client({"127.0.0.1", "1"}, std::chrono::seconds(5)).ask({.target = "/healthz"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ClientError::Kind::Unreachable);
  EXPECT_EQ(answer.error().message,
            "cannot reach http://127.0.0.1:1: connection refused; is a cronfleet server running there?");
}

TEST(ExitCodes, AsAShellWouldSay) {
  domain::RunRecord record;
  record.end.status = domain::RunStatus::Succeeded;
  EXPECT_EQ(exit_code_of(record), 0);
  record.end.status = domain::RunStatus::Failed;
  record.end.exit_code = 3;
  EXPECT_EQ(exit_code_of(record), 3);
  record.end.status = domain::RunStatus::Killed;
  record.end.exit_code.reset();
  record.end.signal = 15;
  EXPECT_EQ(exit_code_of(record), 143);
  for (const auto status :
       {domain::RunStatus::Skipped, domain::RunStatus::Lost, domain::RunStatus::Refused, domain::RunStatus::Missed}) {
    domain::RunRecord other;
    other.end.status = status;
    EXPECT_EQ(exit_code_of(other), 125);
  }
}

class JobFiles : public ::testing::Test {
 protected:
  std::string file(const std::string& name, std::string_view text) {
    const std::string path = folder_.file(name);
    std::FILE* out = std::fopen(path.c_str(), "we");
    std::fwrite(text.data(), 1, text.size(), out);
    std::fclose(out);
    return path;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(JobFiles, ReadsEveryForm) {
  const auto one = file("one.json", R"({"name":"a","schedule":"@daily","command":"true"})");
  const auto many = file("two.json", R"([{"name":"b","schedule":"@daily","command":"true"},
                                        {"revision":4,"name":"c","job":{"name":"c","schedule":"@daily","command":"x"}}])");
  const auto yaml = file("three.yaml",
                         "name: d\nschedule: '@daily'\ncommand: |\n  one\n  two\n---\n- {name: e, schedule: 0 2 * * *, "
                         "command: [x, 'y']}\n");
  file("ignored.txt", "not a job");
  const auto documents = read_job_files({folder_.path().string()}, stdin);
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 5u);
  EXPECT_EQ(std::get<std::string>((*documents)[1].job.command), "one\ntwo\n");
  EXPECT_EQ((*documents)[1].where, yaml + "[0]");
  EXPECT_EQ((*documents)[4].job.name.text(), "c");
  EXPECT_EQ((*documents)[4].where, many + "[1]");
  EXPECT_FALSE(read_job_files({one, one}, stdin));  // the same name twice
}

TEST_F(JobFiles, NamesEveryMistake) {
  const auto bad = file("bad.json", "{\n  \"name\": \"a\",\n  \"schedul\": \"@daily\",\n  \"command\": \"true\"\n}");
  const auto worse = file("worse.json", "{");
  const auto documents = read_job_files({bad, worse}, stdin);
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().exit_code, 7);
  EXPECT_THAT(documents.error().message, HasSubstr(bad + ": /schedul (line 3, column 3)"));
  EXPECT_THAT(documents.error().message, HasSubstr("did you mean 'schedule'?"));
  EXPECT_THAT(documents.error().message, HasSubstr(worse + ": "));
  EXPECT_FALSE(read_job_files({folder_.file("missing.json")}, stdin));
}

}  // namespace
}  // namespace cronfleet::cli
