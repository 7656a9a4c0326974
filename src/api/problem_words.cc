#include "api/problem_words.h"

#include <algorithm>
#include <charconv>

#include "base/sentence_forms.h"

namespace cronfleet::api {
namespace {

// The first form that fits counts.
constexpr SentenceForm kForms[] = {
    // --- requests ---
    {"nothing stands under this address; did you mean {}?", "该地址下没有任何内容；您是想写 {0} 吗？"},
    {"nothing stands under this address; GET /api/v1/openapi.json lists those of the API",
     "该地址下没有任何内容；GET /api/v1/openapi.json 列出 API 的地址"},
    {"{} is an address of the reference: compat.enabled: true mounts it; API v1 is at /api/v1",
     "{0} 是参考实现的地址：compat.enabled: true 会挂载它；API v1 位于 /api/v1"},
    {"nothing stands under this address", "该地址下没有任何内容"},
    {"this address takes {}", "该地址接受 {0}"},
    {"no action '{}' here; did you mean '{}'? There is {}", "这里没有操作 '{0}'；您是想写 '{1}' 吗？可用的有 {2}"},
    {"no action '{}' here; there is {}", "这里没有操作 '{0}'；可用的有 {1}"},
    {"the address cannot be read: {*}", "无法解读地址：{0}"},
    {"the address of a request begins with '/'", "请求的地址以 '/' 开头"},
    {"'%' at position {} is not followed by two hex digits", "位置 {0} 的 '%' 后面不是两个十六进制数字"},
    {"a zero byte is not allowed", "不允许出现零字节"},
    {"the decoded text is not valid UTF-8", "解码后的文本不是有效的 UTF-8"},
    {"a query has at most {} parameters", "查询最多有 {0} 个参数"},
    {"query parameter '{}': {*}", "查询参数 '{0}'：{1}"},
    {"this address takes no parameters", "该地址不接受参数"},
    {"unknown; known are {}", "未知参数；已知的有 {0}"},
    {"given twice", "重复给出"},
    {"given twice; several states are separated by commas", "重复给出；多个状态用逗号分隔"},
    {"empty: expected {*}, or no such parameter", "为空：应为{0}，或不带该参数"},
    {"{} is neither true nor false", "{0} 既不是 true 也不是 false"},
    {"{} is not a whole number from {} to {}", "{0} 不是 {1} 到 {2} 的整数"},
    {"{} is not one of {}", "{0} 不在 {1} 之中"},
    {"'{}' is not an RFC 3339 time like 2026-03-01T02:00:00Z", "'{0}' 不是 2026-03-01T02:00:00Z 这样的 RFC 3339 时间"},
    {"'{}': no such date or time", "'{0}'：没有这样的日期或时间"},
    {"'{}': no such offset", "'{0}'：没有这样的时差"},
    {"'{}' is not a duration like 1h30m, 90s or PT1H30M", "'{0}' 不是 1h30m、90s 或 PT1H30M 这样的时长"},
    {"duration '{}' is longer than 100 years", "时长 '{0}' 超过 100 年"},
    {"not a cursor that this server gave for a list in this order with these filters",
     "不是本服务器为同样排序和过滤的列表给出的游标"},
    {"not a cursor that this server gave", "不是本服务器给出的游标"},
    {"expected an instant after from", "应为 from 之后的时刻"},
    {"expected at most {} h after from", "最多为 from 之后 {0} 小时"},
    {"expected each instant after the one before it", "每个时刻应晚于前一个"},
    {"expected an instant that lies ahead", "应为将来的时刻"},
    {"at most {} jobs at a time", "一次最多 {0} 个任务"},
    {"a request line has at most {} bytes", "请求行最多 {0} 字节"},
    {"a request has at most {} header fields", "请求最多有 {0} 个头字段"},
    {"the header fields have at most {} bytes", "头字段最多共 {0} 字节"},
    {"the request line is too long", "请求行过长"},
    {"the header fields are too large", "头字段过大"},
    {"the body is too large", "正文过大"},
    {"a body has at most {} bytes here", "这里的正文最多 {0} 字节"},
    {"only HTTP/1.1 and HTTP/1.0 are spoken here", "这里只使用 HTTP/1.1 和 HTTP/1.0"},
    {"this port speaks HTTP without TLS: begin the address with http://, not https://",
     "该端口使用不带 TLS 的 HTTP：地址应以 http:// 开头，而不是 https://"},
    {"a chunk of the body does not begin with its size in hex digits and CR LF",
     "正文的某个分块没有以十六进制的大小和 CR LF 开头"},
    {"Content-Length is not one whole number, or stands beside Transfer-Encoding",
     "Content-Length 不是单独一个整数，或与 Transfer-Encoding 同时给出"},
    {"Transfer-Encoding is given twice, or stands beside Content-Length",
     "Transfer-Encoding 重复给出，或与 Content-Length 同时给出"},
    {"a line of the head does not end with CR LF", "请求头的某一行没有以 CR LF 结尾"},
    {"a header field is not of the form {}, ended by CR LF", "某个头字段不是以 CR LF 结尾的 {0} 的形式"},
    {"the first line is not of the form {}, ended by CR LF", "第一行不是以 CR LF 结尾的 {0} 的形式"},
    {"the body is empty: expected a JSON object", "正文为空：应为 JSON 对象"},
    {"the name of query parameter {}: {*}", "第 {0} 个查询参数的名称：{1}"},
    {"the request is not well-formed HTTP", "请求不是格式正确的 HTTP"},
    {"only Expect: 100-continue is known", "只支持 Expect: 100-continue"},
    {"the {*} of a request must arrive within {} s", "{0}必须在 {1} 秒内到达"},
    {"head", "请求头"},
    {"body", "请求正文"},
    {"this server takes {} writes a second", "本服务器每秒接受 {0} 次写入"},
    {"too many requests are waiting for an answer", "等待回答的请求过多"},
    {"too many streams are open", "打开的流过多"},
    {"{} is given more than once", "{0} 重复给出"},
    {"Content-Length and Transfer-Encoding exclude each other", "Content-Length 与 Transfer-Encoding 不能同时给出"},
    {"Content-Length is not a number", "Content-Length 不是数字"},
    {"HTTP/1.0 has no Transfer-Encoding", "HTTP/1.0 没有 Transfer-Encoding"},
    {"the only Transfer-Encoding known is chunked", "只支持 Transfer-Encoding: chunked"},
    {"bodies are taken uncompressed only", "只接受未压缩的正文"},
    {"requests from other sites are refused", "拒绝来自其他站点的请求"},
    {"a change must come from this server's pages", "更改必须来自本服务器的页面"},
    {"the Host header is missing", "缺少 Host 头"},
    {"Host is not a name with or without a port", "Host 不是主机名（可带端口）"},
    {"this server does not go by the name in the Host header; use localhost, 127.0.0.1 or [::1], or add the name to "
     "http.hosts",
     "本服务器不使用 Host 头中的名称；请用 localhost、127.0.0.1 或 [::1]，或把该名称加入 http.hosts"},
    {"a body is taken as Content-Type: application/json", "正文的类型应为 Content-Type: application/json"},
    {"a change needs Content-Type: application/json or the header X-Cronfleet-Client",
     "更改需要 Content-Type: application/json 或 X-Cronfleet-Client 头"},
    {"{} is not * and not a list of tags like \"412\"", "{0} 既不是 * 也不是 \"412\" 这样的标签列表"},
    {"if_match and if_none_match exclude each other", "if_match 与 if_none_match 不能同时给出"},
    {"a write takes if_none_match: * only (the job must not exist)", "写入只接受 if_none_match: *（任务必须不存在）"},
    {"missing; expected the revision you read, as \"\\\"412\\\"\", or \"*\" for whatever stands; to create, "
     "if_none_match with \"*\" is expected instead",
     "缺少；应为读到的版本，如 \"\\\"412\\\"\"，或 \"*\" 表示现有的任何内容；新建时应改用 if_none_match 加 \"*\""},
    {"missing; expected the revision you read, as \"\\\"412\\\"\", or \"*\" for whatever stands",
     "缺少；应为读到的版本，如 \"\\\"412\\\"\"，或 \"*\" 表示现有的任何内容"},
    {"a {} takes no {}", "{0} 不接受 {1}"},
    {"stands in an item before this one: a batch names each job once",
     "前面的某一项已有此名称：一批中每个任务只能出现一次"},
    {"If-Match and If-None-Match exclude each other", "If-Match 与 If-None-Match 不能同时给出"},
    {"a write takes If-None-Match: * only (the job must not exist)", "写入只接受 If-None-Match: *（任务必须不存在）"},
    {"say what you expect to change: If-Match with the ETag you read, If-Match: * for whatever stands, or "
     "If-None-Match: * to "
     "create",
     "请说明预期更改的内容：If-Match 加读到的 ETag，If-Match: * 表示现有的任何内容，If-None-Match: * 表示新建"},
    {"say what you expect to change: If-Match with the ETag you read, or If-Match: * for whatever stands",
     "请说明预期更改的内容：If-Match 加读到的 ETag，或 If-Match: * 表示现有的任何内容"},
    {"a patch takes If-Match only", "补丁只接受 If-Match"},
    {"a delete takes If-Match only", "删除只接受 If-Match"},
    {"labels take If-Match only", "标签只接受 If-Match"},
    {"an Idempotency-Key has 1 to {} characters, found none", "Idempotency-Key 有 1 到 {0} 个字符，得到空值"},
    {"an Idempotency-Key is not valid UTF-8", "Idempotency-Key 不是有效的 UTF-8"},
    {"is always the id of the worker: no label can say otherwise", "始终是 worker 的 id：标签不能另行指定"},
    {"a + in an address means a space: write it as %2B", "地址中的 + 表示空格：请写作 %2B"},
    {"query parameter {} has no name", "第 {0} 个查询参数没有名称"},
    {"nothing has been written yet in front of byte {}", "第 {0} 字节之前还没有写入任何内容"},
    {"not an offset of this output: expected a whole number from 0", "不是该输出的偏移量：应为从 0 开始的整数"},
    {"this takes no body; dry_run belongs into the query: ?dry_run=true",
     "这里不接受正文；dry_run 应写在查询中：?dry_run=true"},
    {"this takes no body", "这里不接受正文"},
    {"a create takes no If-Match", "新建不接受 If-Match"},
    {"a run takes no If-Match", "运行不接受 If-Match"},
    {"a run takes no If-None-Match", "运行不接受 If-None-Match"},
    {"job name '{}' is a step in a path to whoever follows an address", "任务名 '{0}' 在地址中会被当作路径中的一步"},
    {"an Idempotency-Key has at most {} characters", "Idempotency-Key 最多 {0} 个字符"},
    {"this Idempotency-Key came before, with another body, query or precondition",
     "此 Idempotency-Key 曾与另一个正文、查询或前提条件一起出现"},
    {"a request with this Idempotency-Key is being handled", "带此 Idempotency-Key 的请求正在处理中"},
    {"this request was handled before; its answer was too long to be kept", "该请求此前已处理；其回答过长而未保留"},
    {"other requests with this Idempotency-Key came in between", "期间有其他带此 Idempotency-Key 的请求"},
    {"events come as {}", "事件的格式是 {0}"},
    {"this address answers as {}; leave out Accept, or let it take that",
     "该地址的回答格式是 {0}；请不带 Accept，或让它接受该格式"},
    {"a run comes as {}; its output stands under .../output", "单个运行的格式是 {0}；其输出在 .../output 之下"},
    {"runs come as {} or {}", "运行记录的格式是 {0} 或 {1}"},
    {"output comes as {}", "输出的格式是 {0}"},
    {"there are {} bytes, and none of them in this range", "共有 {0} 字节，都不在该范围内"},
    {"a revision is a whole number from 1", "修订号是从 1 开始的整数"},
    // --- jobs, runs, workers ---
    {"no job '{}'", "没有任务 '{0}'"},
    {"job '{}' exists already, at revision {}", "任务 '{0}' 已存在，修订号为 {1}"},
    {"job '{}' does not exist (any more)", "任务 '{0}' 不存在（或已不再存在）"},
    {"job '{}' does not exist", "任务 '{0}' 不存在"},
    {"job '{}' has changed: it is at revision {}", "任务 '{0}' 已被更改：现在的修订号是 {1}"},
    {"what stands there cannot be read, so it cannot be patched: replace it",
     "现有内容无法读取，因此不能打补丁：请整体替换"},
    {"what stands there cannot be read, so it cannot be copied", "现有内容无法读取，因此不能复制"},
    {"the job was changed by others again and again; nothing has changed", "任务不断被他人更改；没有做任何更改"},
    {"the job was being claimed again and again; nothing has changed", "任务不断被认领；没有做任何更改"},
    {"no version {} of job '{}' is kept", "没有保留任务 '{1}' 的版本 {0}"},
    {"no version {} of job '{}'", "任务 '{1}' 没有版本 {0}"},
    {"the clock of this server is not to be trusted ({}): an edit that moves firings waits until it is set, or goes "
     "through "
     "another master",
     "本服务器的时钟不可信（{0}）：会移动触发时刻的更改要等时钟校准，或经由另一个 master 进行"},
    {"it never fires: {*}", "它永不触发：{0}"},
    {"its last instant has passed", "最后一个时刻已经过去"},
    {"no date matches it", "没有符合的日期"},
    {"its only instant, {}, has passed", "唯一的时刻 {0} 已经过去"},
    {"ends_at, {}, has passed", "ends_at（{0}）已经过去"},
    {"none of its instants lies between starts_at and ends_at", "starts_at 与 ends_at 之间没有任何时刻"},
    {"worker '{}' is out of contact and may still be running '{}', until {}; if its machine is off for certain: "
     "cronfleet "
     "worker forget {}",
     "worker '{0}' 已失去联系，可能仍在运行 '{1}'，直到 {2}；如果其机器确已关闭：cronfleet worker forget {3}"},
    {"missing: the job declares it without a default", "缺少：任务声明了它且没有默认值"},
    {"the job declares no parameter of this name", "任务没有声明此名称的参数"},
    {"no run '{}'", "没有运行 '{0}'"},
    {"run '{}' is over: {}", "运行 '{0}' 已结束：{1}"},
    {"run '{}' has not reached a worker yet; try again in a second", "运行 '{0}' 尚未到达 worker；请一秒后重试"},
    {"run '{}' is changing hands; try again", "运行 '{0}' 正在转手；请重试"},
    {"'{}' is not a run id like nightly@2026-03-01T02:00:00Z.1",
     "'{0}' 不是 nightly@2026-03-01T02:00:00Z.1 这样的运行 id"},
    {"no worker '{}' is registered", "没有登记 worker '{0}'"},
    {"somebody else was changing the same; nothing has changed", "有人同时在更改同一内容；没有做任何更改"},
    {"the settings of worker '{}' are at revision {}", "worker '{0}' 的设置的修订号是 {1}"},
    {"worker '{}' is registered: it runs, or ended less than 10 s ago",
     "worker '{0}' 仍登记在册：它在运行，或结束不到 10 秒"},
    {"worker '{}' held its runs less than 30 s ago; try again when that is over",
     "worker '{0}' 在不到 30 秒前仍持有其运行；请稍后重试"},
    {"worker '{}' has come back, or its runs are changing hands; look again",
     "worker '{0}' 已恢复，或其运行正在转手；请重新查看"},
    {"only the alarms restored_store and marker_ahead are confirmed; others end with their cause",
     "只有警报 restored_store 和 marker_ahead 需要确认；其他警报随其原因消失"},
    {"the alarm restored_store is not raised: neither this server nor a worker has found the store at an older state; "
     "see what stands in GET /api/v1/alarms, and confirm it once it stands there",
     "没有警报 restored_store：本服务器和各 worker 都没有发现存储回到较旧的状态；请在 GET /api/v1/alarms "
     "中查看现有的警报，出现后再确认"},
    {"the alarm marker_ahead is not raised: no job has a marker in the future; see what stands in GET /api/v1/alarms, "
     "and confirm it once it stands there",
     "没有警报 marker_ahead：没有任务的标记在将来；请在 GET /api/v1/alarms 中查看现有的警报，出现后再确认"},
    {"the marker of job '{}' lies in the future, but the job was changed just now or cannot be read: try again, or "
     "correct it first (cronfleet job get)",
     "任务 '{0}' 的标记在将来，但该任务刚被更改或无法读取：请重试，或先更正它（cronfleet job get）"},
    // --- the server and its stores ---
    {"the coordination store has not answered yet", "协调存储尚未回答"},
    {"the history does not answer", "历史存储没有回答"},
    {"the disk of the server is full; writes work again once there is room", "服务器磁盘已满；有空间后写入即可恢复"},
    {"what the server has stored is damaged; its log says more", "服务器存储的内容已损坏；详见其日志"},
    {"the server's store did not answer in time", "服务器的存储没有及时回答"},
    {"the server could not finish this; try again", "服务器未能完成；请重试"},
    // --- filters ---
    {"column {}: {*}", "第 {0} 列：{1}"},
    {"has more than {} bytes", "超过 {0} 字节"},
    {"more than {} terms", "超过 {0} 个条件"},
    {"is not valid UTF-8", "不是有效的 UTF-8"},
    {"unknown field '{}'; expected one of {}, or quotes around a text with '{}'",
     "未知字段 '{0}'；应为 {1} 之一，或给含有 '{2}' 的文本加引号"},
    {"'{}' takes {}, found '{}'", "'{0}' 接受 {1}，得到 '{2}'"},
    {"'{}' takes one value", "'{0}' 只接受一个值"},
    {"the quotes are not closed", "引号没有闭合"},
    {"expected a space after the quotes", "引号之后应有空格"},
    {"quotes stand around a whole value", "引号应包住整个值"},
    {"a value is missing", "缺少值"},
    {"{}: a list of runs cannot be asked for what is not; it takes {}", "{0}：运行列表不能按“不是”来查询；可用 {1}"},
    {"{}: a list of runs is not searched; it takes {}", "{0}：运行列表不支持搜索；可用 {1}"},
    {"{}: given twice; several states are separated by commas", "{0}：重复给出；多个状态用逗号分隔"},
    {"{}: this bound is given twice", "{0}：该界限重复给出"},
    {"{}: takes one whole name: a list of runs takes {}", "{0}：只接受一个完整的名称：运行列表可用 {1}"},
    {"{}: given twice", "{0}：重复给出"},
    // --- cron expressions ---
    {"{*}; six words are read as second..day-of-week: for minute..year name a year or write seven words",
     "{0}；六个词按“秒到星期”解读：若是“分到年”，请写出年份或写七个词"},
    {"{*} (field {}, column {})", "{0}（第 {1} 个字段，第 {2} 列）"},
    {"schedule is empty", "计划为空"},
    {"an expression has at most {} bytes", "表达式最多 {0} 字节"},
    {"expected 5, 6 or 7 fields, found {}", "应有 5、6 或 7 个字段，得到 {0} 个"},
    {"{*} {} is out of range {}", "{0} {1} 超出范围 {2}"},
    {"{} is a {*} name; {*} takes {}", "{0} 是{1}的名称；{2}接受 {3}"},
    {"empty list item in {*}", "{0}的列表中有空项"},
    {"'{}': a range is first-last; {*}", "'{0}'：范围写作 first-last；{1}"},
    {"year range {} runs backwards", "年份范围 {0} 前后颠倒"},
    {"'?' takes no step; write *{}", "'?' 不能带步长；请写 *{0}"},
    {"'{}' in {*}: {*}", "{1}中的 '{0}'：{2}"},
    {"L alone is ambiguous in day-of-week: write 6, 0, or 5L for the last Friday",
     "星期中单独的 L 含义不明：请写 6、0，或用 5L 表示最后一个星期五"},
    {"'{}': '#' takes 1 to 5 or L, after a weekday", "'{0}'：'#' 跟在星期之后，接受 1 到 5 或 L"},
    {"'{}': L-n takes 0 to 30", "'{0}'：L-n 接受 0 到 30"},
    {"'{}': W, L and # apply to one day; list them separately", "'{0}'：W、L 和 # 只用于一天；请分开列出"},
    {"'+' may only start the day-of-week field, with a value after it", "'+' 只能用在星期字段的开头，后面要有值"},
    {"H needs the job's name", "H 需要任务的名称"},
    {"'{}': H(a-b) needs a <= b inside the field, {}", "'{0}'：H(a-b) 要求 a <= b 且在字段范围内，{1}"},
    {"unknown time zone '{}'", "未知时区 '{0}'"},
    {"the time zone is empty", "时区为空"},
    {"@reboot is not supported by a cluster scheduler: a cluster has no reboot; use a one-shot @at",
     "集群调度器不支持 @reboot：集群没有重启；请用一次性的 @at"},
    {"a macro is the whole schedule: '{}' may not follow it", "宏就是整个计划：后面不能有 '{0}'"},
    {"unknown macro '{}'; did you mean {}?", "未知的宏 '{0}'；您是想写 {1} 吗？"},
    {"unknown macro '{}'", "未知的宏 '{0}'"},
    {"step must be {} in {*}, found '{}'", "{1}的步长应为 {0}，得到 '{2}'"},
    {"'{}': {*}; step must be {} in {*}", "'{0}'：{1}；{3}的步长应为 {2}"},
    {"'{}' is not a year: use {}; {*}", "'{0}' 不是年份：请用 {1}；{2}"},
    {"'{}' is not a {*}: use {}; {*}", "'{0}' 不是{1}：请用 {2}；{3}"},
    {"'{}' is not an {*}: use {}; {*}", "'{0}' 不是{1}：请用 {2}；{3}"},
    {"'{}' is not a {*}: use {}", "'{0}' 不是{1}：请用 {2}"},
    {"'{}' is not an {*}: use {}", "'{0}' 不是{1}：请用 {2}"},
    {"'{}' is shorter than one second", "'{0}' 短于一秒"},
    {"'{}' is not a duration like 1h30m", "'{0}' 不是 1h30m 这样的时长"},
    {"'{}' has a fraction: whole seconds are allowed", "'{0}' 带有小数：只允许整秒"},
    {"'{}' names no such date or time", "'{0}'：没有这样的日期或时间"},
    {"second", "秒"},
    {"minute", "分钟"},
    {"hour", "小时"},
    {"day-of-month", "日期"},
    {"month", "月份"},
    {"day-of-week", "星期"},
    {"year", "年份"},
    {"'*' has no place in it", "其中不能有 '*'"},
    {"a '*' has no place in it", "其中不能有 '*'"},
    {"there is nothing before '/'", "'/' 之前没有内容"},
    {"'first' is missing", "缺少 first"},
    {"'last' is missing", "缺少 last"},
    {"there is a second '-'", "出现了第二个 '-'"},
    {"the number after '/' is missing", "'/' 之后缺少数字"},
    {"only one '/' is allowed", "只允许一个 '/'"},
    {"# is for day-of-week, after a weekday", "# 用于星期字段，跟在星期之后"},
    {"W is for day-of-month, after a day as in 15W or after L as in LW", "W 用于日期字段，如 15W 或 LW"},
    {"L is for day-of-month, or after a weekday", "L 用于日期字段，或跟在星期之后"},
    {"W is for day-of-month", "W 用于日期字段"},
    {"for a value chosen once for each job write H", "若要为每个任务选定一个固定的值，请写 H"},
    {"count is {}, expected 1 to {}", "count 是 {0}，应为 1 到 {1}"},
    // --- names and documents ---
    {"a job name has 1 to {} characters, found none", "任务名有 1 到 {0} 个字符，得到空名"},
    {"a job name has 1 to {} characters, found {}", "任务名有 1 到 {0} 个字符，得到 {1} 个"},
    {"job name '{}' begins or ends with a space", "任务名 '{0}' 以空格开头或结尾"},
    {"job name is not valid UTF-8 at byte {}", "任务名在第 {0} 字节处不是有效的 UTF-8"},
    {"job name has a control character {} at byte {}", "任务名在第 {1} 字节处有控制字符 {0}"},
    {"job name '{}' contains '{}': none of / : @ # ? % is allowed", "任务名 '{0}' 含有 '{1}'：不允许 / : @ # ? %"},
    {"unknown key", "未知的键"},
    {"has {} bytes, at most {} are allowed", "有 {0} 字节，最多允许 {1} 字节"},
    {"has {} characters, at most {} are allowed", "有 {0} 个字符，最多允许 {1} 个"},
    {"has {} variables, at most {} are allowed", "有 {0} 个变量，最多允许 {1} 个"},
    {"has {} labels, at most {} are allowed", "有 {0} 个标签，最多允许 {1} 个"},
    {"has {} codes, at most {} are allowed", "有 {0} 个退出码，最多允许 {1} 个"},
    {"has {} choices, at most {} are allowed", "有 {0} 个选项，最多允许 {1} 个"},
    {"has {} parameters, at most {} are allowed", "有 {0} 个参数，最多允许 {1} 个"},
    {"has more than {} items", "超过 {0} 项"},
    {"contains the character U+0000", "含有字符 U+0000"},
    {"'schedule' and 'cronExpr' are one field, and say different things here",
     "'schedule' 和 'cronExpr' 是同一个字段，这里的内容却不同"},
    {"the name of a variable is not empty and has no '=' or U+0000", "变量名不能为空，也不能含有 '=' 或 U+0000"},
    {"variables that begin with CRONFLEET_ are set by the worker", "以 CRONFLEET_ 开头的变量由 worker 设置"},
    {"the name of a label has 1 to {} bytes", "标签名有 1 到 {0} 字节"},
    {"negation is written {}", "否定写作 {0}"},
    {"missing: a job has a name", "缺少：任务要有名称"},
    {"missing: when is the job due?", "缺少：任务何时触发？"},
    {"missing: what is to be run?", "缺少：要运行什么？"},
    {"missing: as which variable does it reach the run?", "缺少：它以哪个变量传给运行？"},
    {"missing", "缺少"},
    {"is '{}' here, but the job was asked for as '{}'", "这里是 '{0}'，但请求的任务是 '{1}'"},
    {"is not after starts_at: no firing would count", "不晚于 starts_at：不会有任何触发"},
    {"{} is declared twice", "{0} 重复声明"},
    {"unknown word {}", "未知的词 {0}"},
    {"stands here for the second time, first at line {}, column {}", "第二次出现，首次在第 {0} 行第 {1} 列"},
    {"nested more than {} deep", "嵌套超过 {0} 层"},
    {"the text ends in the middle of the document", "文本在文档中间结束"},
    {"comments are not allowed here", "这里不允许注释"},
    {"expected JSON in plain UTF-8, found a byte order mark", "应为普通 UTF-8 的 JSON，得到字节顺序标记"},
    {"not valid UTF-8: found {*}", "不是有效的 UTF-8：得到 {0}"},
    {"expected another value after ',', found {*}", "',' 之后应有另一个值，得到 {0}"},
    {"texts and keys stand in double quotes, found '", "文本和键要用双引号，得到 '"},
    {"a text cannot hold {*} as it is, write {}", "文本不能直接包含 {0}，请写 {1}"},
    {"not JSON ({}): found {*}", "不是 JSON（{0}）：得到 {1}"},
    {"syntax error, found {*}", "语法错误，得到 {0}"},
    {"incomplete JSON, found {*}", "JSON 不完整，得到 {0}"},
    {"the end of the text", "文本结尾"},
    {"the byte {}", "字节 {0}"},
    {"the control character {}", "控制字符 {0}"},
    {"expected {*}, found {*}", "应为{0}，得到 {1}"},
    {"expected {*}", "应为{0}"},
    {"an empty text", "空文本"},
    {"null", "null"},
    {"none", "无"},
    {"one of {}", " {0} 之一"},
    {"an object", "对象"},
    {"an array", "数组"},
    {"a text", "文本"},
    {"a number", "数字"},
    {"true or false", " true 或 false"},
    {"a whole number", "整数"},
    {"a whole number from {} to {}", " {0} 到 {1} 的整数"},
    {"a whole number from {}", "从 {0} 开始的整数"},
    {"a number from {} to {}", " {0} 到 {1} 的数字"},
    {"a duration like {}", " {0} 这样的时长"},
    {"a duration from {} to {}", " {0} 到 {1} 的时长"},
    {"an instant like {}", " {0} 这样的时刻"},
    {"a text, a whole number, true or false", "文本、整数、true 或 false"},
    {"text, integer or boolean", " text、integer 或 boolean"},
    {"a text for the shell or an array of arguments", "交给 shell 的文本，或参数数组"},
    {"a command", "命令"},
    {"a label's value", "标签的值"},
    {"an expression like {}", " {0} 这样的表达式"},
    {"the program as the first text", "第一个文本是程序"},
    {"a path that begins with '/'", "以 '/' 开头的路径"},
    {"octal digits like {}", " {0} 这样的八进制数字"},
    {"the name of a variable like TABLE", " TABLE 这样的变量名"},
    {"the name of a time zone like {}", " {0} 这样的时区名"},
    {"the name of a label, or name=value", "标签名，或 name=value"},
    {"the end of the text", "文本结尾"},
    {"a key in double quotes or a value", "双引号中的键，或值"},
    {"a key or value", "键或值"},
    {"',', ':' or an end", " ','、':' 或结尾"},
    {"a whole comment, {}", "完整的注释，{0}"},
    {"{} to {} texts like {}", " {0} 到 {1} 个文本，如 {2}"},
    {"{} to {} instants", " {0} 到 {1} 个时刻"},
    {"{} to {} values", " {0} 到 {1} 个值"},
    {"at most {} bytes and none that is 0", "最多 {0} 字节，且没有零字节"},
    {"at most {} bytes", "最多 {0} 字节"},
    {"at most {} labels", "最多 {0} 个标签"},
    {"the name of a worker", " worker 的名称"},
    {"a name and a value of at most {} bytes", "名称和值各最多 {0} 字节"},
    {"{} with one value or a list", " {0}，带一个值或列表"},
};

// "/schedule（第 3 行，第 5 列）：…": a mistake with its place, as DocumentErrors has it in one English sentence.
std::string with_place(const Mistake& mistake) {
  std::string text = mistake.pointer;
  if (mistake.line > 0) {
    text += fmt::format("（第 {} 行，第 {} 列）", mistake.line, mistake.column);
  } else if (mistake.column > 0) {
    text += fmt::format("（第 {} 列）", mistake.column);
  }
  if (!text.empty()) text += "：";
  text += mistake.detail;
  if (!mistake.suggestion.empty()) text += fmt::format("；您是想写 '{}' 吗？", mistake.suggestion);
  return text;
}

bool is_of_body(const Mistake& mistake) { return mistake.parameter.empty() && mistake.header.empty(); }

}  // namespace

Language language_of(const Request& request) {
  const auto header = request.headers.get("Accept-Language");
  if (!header) return Language::English;
  double english = -1, chinese = -1;
  for (std::string_view rest = *header; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view range = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const auto semicolon = range.find(';');
    const std::string tag = lower_case(trimmed(range.substr(0, semicolon)));
    double weight = 1;
    if (semicolon != std::string_view::npos) {
      const std::string_view parameter = trimmed(range.substr(semicolon + 1));
      if (!parameter.starts_with("q=")) continue;
      const auto [end, error] = std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
      if (error != std::errc() || end != parameter.data() + parameter.size()) continue;
    }
    if (tag == "zh" || tag.starts_with("zh-")) chinese = std::max(chinese, weight);
    if (tag == "en" || tag.starts_with("en-")) english = std::max(english, weight);
  }
  return chinese > 0 && chinese > english ? Language::Chinese : Language::English;
}

std::string in_chinese(std::string_view sentence) {
  return said_in(kForms, sentence, in_chinese).value_or(std::string(sentence));
}

Problem localised(Problem problem, Language language) {
  if (language == Language::English) return problem;
  // A sentence that sums up the mistakes of a body is made anew of theirs.
  const bool sums_up =
      !problem.errors.empty() && is_of_body(problem.errors.front()) && problem.detail != problem.errors.front().detail;
  for (Mistake& mistake : problem.errors) mistake.detail = in_chinese(mistake.detail);
  if (sums_up) {
    problem.detail = problem.errors.size() > 1 ? fmt::format("{} 处错误：", problem.errors.size()) : std::string();
    for (std::size_t i = 0; i < problem.errors.size(); ++i)
      problem.detail.append(i == 0 ? "" : "；").append(with_place(problem.errors[i]));
  } else {
    problem.detail = in_chinese(problem.detail);
  }
  problem.headers.add("Content-Language", "zh");
  return problem;
}

}  // namespace cronfleet::api
