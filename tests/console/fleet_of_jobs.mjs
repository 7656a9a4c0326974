// fleet_of_jobs.mjs: a few hundred jobs as a company has them, each with how it behaves: what the pages are looked at with.
//
//   for (const {job, ways} of companyJobs({count: 240, seed: 7})) …
//
// `job` is a job document. `ways` is how it went in the past: median (ms), spread, fails (a probability), memory (bytes),
// says (lines of a run that went well), cries (lines of one that did not). Its command does the like, in little time.

/** Seeded chance: the same seed gives the same jobs and the same past. */
export function chance(seed) {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    unit,
    below: (limit) => Math.floor(unit() * limit),
    of: (list) => list[Math.floor(unit() * list.length)],
    /** About exp(normal): durations and delays are spread like that. */
    around: (median, spread) => median * Math.exp(spread * (unit() + unit() + unit() + unit() - 2) * 1.7),
  };
}

const kMinute = 60_000, kMega = 1 << 20;
const stores = ["orders", "billing", "users", "catalogue", "sessions", "audit", "inventory", "messages"];
const regions = ["eu", "us", "apac", "cn"];
const shops = ["de", "fr", "it", "es", "pl", "nl", "uk", "jp"];

// Each: the name with its variants, and what it is like. {x} stands for the variant, {m} for a minute that differs by variant.
const kinds = [
  {names: stores.map((x) => ["postgres-backup-" + x, x]), schedule: "{m} 2 * * *", zone: "Europe/Berlin", team: "db", tier: "critical",
   owner: "dba@example.com", command: "pg_dump --format=custom {x}", median: 14 * kMinute, spread: 0.25, fails: 0.012, memory: 220 * kMega,
   about: "Dump of the database {x}, kept for 35 days", retry: {count: 2, delay: "5m"}, timeout: "2h",
   says: ["pg_dump: dumping contents of table \"public.{x}\"", "pg_dump: dumping contents of table \"public.{x}_archive\"", "42 118 433 rows, 3.1 GB written to s3://backup/{x}"],
   cries: ["pg_dump: error: connection to server at \"db-{x}.internal\" (10.4.2.17), port 5432 failed: timeout expired"]},
  {names: stores.map((x) => ["vacuum-" + x, x]), schedule: "{m} */6 * * *", team: "db", owner: "dba@example.com", command: "vacuumdb --analyze {x}",
   median: 95_000, spread: 0.5, fails: 0.004, memory: 30 * kMega, says: ["vacuumdb: vacuuming database \"{x}\""], cries: ["vacuumdb: error: deadlock detected"]},
  {names: regions.map((x) => ["replica-lag-check-" + x, x]), schedule: "*/5 * * * *", team: "db", tier: "critical", owner: "oncall@example.com",
   command: "check-lag --region {x}", median: 800, spread: 0.4, fails: 0.006, memory: 9 * kMega, says: ["lag 0.4 s, fine"], cries: ["lag 311 s is over the limit of 60 s"]},
  {names: shops.map((x) => ["invoice-export-" + x, x]), schedule: "{m} 6 * * 1-5", zone: "Europe/Paris", team: "billing", tier: "critical",
   owner: "billing@example.com", command: "export-invoices --country {x}", median: 4 * kMinute, spread: 0.4, fails: 0.03, memory: 310 * kMega,
   about: "Invoices of the day before for the tax office of {x}", says: ["1 204 invoices exported", "uploaded to sftp://tax.{x}.example/in"],
   cries: ["Traceback (most recent call last):", "  File \"/srv/billing/export.py\", line 218, in upload", "    client.put(path, target)", "ConnectionResetError: [Errno 104] Connection reset by peer"]},
  {names: shops.map((x) => ["dunning-letters-" + x, x]), schedule: "{m} 9 1,15 * *", zone: "Europe/Madrid", team: "billing", owner: "billing@example.com",
   command: "dunning --country {x}", median: 11 * kMinute, spread: 0.3, fails: 0.02, memory: 190 * kMega, says: ["318 letters queued"], cries: ["printer queue refused the job"]},
  {names: shops.map((x) => ["sitemap-" + x, x]), schedule: "{m} * * * *", team: "web", owner: "web@example.com", command: "make-sitemap {x}", median: 21_000,
   spread: 0.35, fails: 0.005, memory: 64 * kMega, says: ["81 244 addresses"], cries: ["502 Bad Gateway from https://{x}.shop.example/"]},
  {names: shops.map((x) => ["price-feed-" + x, x]), schedule: "{m}-59/15 * * * *", team: "web", tier: "critical", owner: "web@example.com",
   command: "price-feed --market {x}", median: 9_000, spread: 0.5, fails: 0.01, memory: 120 * kMega, says: ["12 904 prices, 311 changed"], cries: ["feed is older than 30 min, refusing to publish it"]},
  {names: regions.map((x) => ["search-index-" + x, x]), schedule: "{m} */2 * * *", team: "search", owner: "search@example.com", command: "reindex --region {x}",
   median: 22 * kMinute, spread: 0.3, fails: 0.02, memory: 900 * kMega, says: ["1 880 204 documents", "swapped alias to index-{x}-new"], cries: ["circuit_breaking_exception: data too large"]},
  {names: regions.map((x) => ["cache-warm-" + x, x]), schedule: "*/10 * * * *", team: "search", owner: "search@example.com", command: "warm {x}", median: 31_000,
   spread: 0.4, fails: 0.003, memory: 40 * kMega, says: ["2 000 queries warmed"], cries: ["timeout after 30 s"]},
  {names: ["clicks", "views", "carts", "returns", "searches", "emails"].map((x) => ["warehouse-ingest-" + x, x]), schedule: "{m} * * * *", team: "data",
   owner: "data@example.com", command: "ingest {x}", median: 7 * kMinute, spread: 0.6, fails: 0.015, memory: 1400 * kMega,
   says: ["read 4.2 M events of {x}", "wrote 214 partitions"], cries: ["org.apache.spark.SparkException: Job aborted due to stage failure"]},
  {names: ["margin", "stock", "returns", "marketing", "logistics", "finance"].map((x) => ["daily-report-" + x, x]), schedule: "{m} 7 * * *", zone: "Europe/Berlin",
   team: "data", owner: "reports@example.com", command: "report {x}", median: 3 * kMinute, spread: 0.3, fails: 0.01, memory: 260 * kMega,
   about: "The report that {x} finds in its mailbox at eight", says: ["report {x} sent to 41 readers"], cries: ["jinja2.exceptions.UndefinedError: 'total' is undefined"]},
  {names: ["churn", "basket", "fraud", "ranking"].map((x) => ["model-train-" + x, x]), schedule: "{m} 1 * * 0", team: "ml", owner: "ml@example.com", command: "train {x}",
   median: 3 * 60 * kMinute, spread: 0.2, fails: 0.08, memory: 6200 * kMega, timeout: "8h", says: ["epoch 40/40 loss 0.0312", "model {x} stored"], cries: ["CUDA out of memory. Tried to allocate 2.40 GiB"]},
  {names: ["web-1", "web-2", "web-3", "web-4", "db-1", "db-2", "db-3", "mail-1", "queue-1", "queue-2", "proxy-1", "proxy-2"].map((x) => ["logrotate-" + x, x]), schedule: "{m} 0 * * *",
   team: "ops", owner: "ops@example.com", command: "logrotate {x}", median: 6_000, spread: 0.5, fails: 0.002, memory: 5 * kMega, says: ["rotated 14 files"], cries: ["error: stat of /var/log/app failed: No such file or directory"]},
  {names: ["wildcard", "api", "shop", "mail", "vpn", "status"].map((x) => ["certificate-check-" + x, x]), schedule: "{m} 8 * * *", team: "ops", tier: "critical", owner: "ops@example.com",
   command: "check-certificate {x}.example.com", median: 1_100, spread: 0.3, fails: 0.01, memory: 8 * kMega, says: ["61 days left"], cries: ["certificate of {x}.example.com ends in 6 days"]},
  {names: ["sessions", "carts", "uploads", "exports", "thumbnails", "tokens"].map((x) => ["cleanup-" + x, x]), schedule: "{m} 3 * * *", team: "ops", owner: "ops@example.com",
   command: "cleanup {x}", median: 48_000, spread: 0.7, fails: 0.004, memory: 22 * kMega, says: ["removed 18 244 {x}"], cries: ["find: Permission denied"]},
  {names: ["订单库", "用户库", "日志库", "库存库"].map((x) => [`夜间备份-${x}`, x]), schedule: "{m} 2 * * *", zone: "Asia/Shanghai", team: "db", owner: "运维组",
   command: "backup {x}", median: 9 * kMinute, spread: 0.3, fails: 0.02, memory: 140 * kMega, about: "每日凌晨备份{x}，保留三十天", says: ["备份完成：{x}，共 18.4 GB"], cries: ["错误：磁盘空间不足，需要 18.4 GB"]},
  {names: ["华东", "华南", "华北"].map((x) => [`数据仓库同步-${x}`, x]), schedule: "{m} * * * *", zone: "Asia/Shanghai", team: "data", owner: "数据组",
   command: "sync {x}", median: 95_000, spread: 0.4, fails: 0.012, memory: 420 * kMega, about: "{x}区域的数据仓库增量同步", says: ["同步 1 204 311 行"], cries: ["连接超时：{x}"]},
  {names: ["東京", "大阪"].map((x) => [`在庫集計-${x}`, x]), schedule: "{m} 5 * * *", zone: "Asia/Tokyo", team: "data", owner: "物流", command: "aggregate {x}",
   median: 70_000, spread: 0.3, fails: 0.01, memory: 80 * kMega, says: ["集計が終わりました"], cries: ["エラー: 倉庫に接続できません"]},
  {names: [["nightly rebuild of the full-text index of the product catalogue for every market, with synonyms and spelling suggestions", "all"]], schedule: "20 1 * * *",
   team: "search", owner: "search@example.com", command: "rebuild", median: 52 * kMinute, spread: 0.2, fails: 0.03, memory: 2100 * kMega,
   about: "Long name on purpose: people do name jobs like this.", says: ["9 411 220 documents"], cries: ["java.lang.OutOfMemoryError: Java heap space"]},
];

const text = (lines, x) => lines.map((line) => line.replaceAll("{x}", x));
const quoted = (lines) => lines.map((line) => "'" + line.replaceAll("'", "'\\''") + "'").join(" ");

export function companyJobs({count = 240, seed = 7} = {}) {
  const dice = chance(seed), made = [];
  for (const kind of kinds) {
    for (const [name, x] of kind.names) {
      const minute = String(dice.below(58));
      const says = text(kind.says, x), cries = text(kind.cries, x);
      const job = {
        name, schedule: kind.schedule.replace("{m}-59/15", `${dice.below(14)}-59/15`).replace("{m}", minute),
        // The name of the tool in front, so that lists look as they do; then what it would say.
        command: `: ${kind.command.replaceAll("{x}", x)}; printf '%s\\n' ${quoted(says)}`,
        labels: {team: kind.team, env: made.length % 7 === 6 ? "staging" : "prod", ...(kind.tier ? {tier: kind.tier} : {})},
        owner: kind.owner,
        ...(kind.zone ? {time_zone: kind.zone} : {}),
        ...(kind.about ? {description: kind.about.replaceAll("{x}", x)} : {}),
        ...(kind.retry ? {retry: kind.retry} : {}),
        ...(kind.timeout ? {timeout: kind.timeout} : {}),
      };
      made.push({job, ways: {median: dice.around(kind.median, 0.4), spread: kind.spread, fails: kind.fails, memory: kind.memory, says, cries}});
    }
  }
  // As many more as are asked for: the same kinds for other customers.
  for (let n = 1; made.length < count; ++n) {
    const base = made[dice.below(kinds.length * 3) % made.length], name = `${base.job.name}-c${String(n).padStart(4, "0")}`.slice(-128);
    const schedule = `${dice.below(60)} ${dice.below(24)} * * ${dice.below(4) === 0 ? "1-5" : "*"}`;
    made.push({job: {...base.job, name, schedule, labels: {...base.job.labels, customer: `c${String(n).padStart(4, "0")}`}}, ways: base.ways});
  }
  made.length = Math.min(made.length, count);
  // Some are off: paused over a migration, disabled for good, or their time is over.
  made.forEach(({job}, i) => {
    if (i % 41 === 17) job.enabled = false;
    if (i % 37 === 11) job.paused_until = "2099-01-01T00:00:00Z";
  });
  return made;
}

const kProgress = String.raw`for i in $(seq 1 100000); do
  printf '\033[2m[%s]\033[0m \033[32m✔\033[0m batch %d of 400: \033[1m%d\033[0m rows \033[38;5;208m(%d ms)\033[0m\n' "$(date +%T)" "$i" "$((i * 2417))" "$((i * 37 % 900))"
  if [ $((i % 7)) -eq 0 ]; then printf '\033[33mwarning\033[0m: slow partition %d, tried again\n' "$i" >&2; fi
  sleep 1
done`;

const kTrace = String.raw`echo 'reconciling 2 418 accounts'
sleep 0.4
echo 'account 88121: 3 postings without a counterpart'
cat >&2 <<'END'
Traceback (most recent call last):
  File "/srv/ledger/reconcile.py", line 91, in <module>
    main()
  File "/srv/ledger/reconcile.py", line 74, in main
    book.check_balanced()
  File "/srv/ledger/book.py", line 203, in check_balanced
    raise Unbalanced(difference)
ledger.book.Unbalanced: debit and credit differ by 1204.50 EUR
END
exit 3`;

/** Jobs whose real runs a page is looked at with; `start`: it is run once by hand, and should come to `comes_to`. */
export const livelyJobs = [
  {start: true, comesTo: "running", job: {name: "warehouse-load", schedule: "0 4 * * *", command: kProgress, labels: {team: "data", env: "prod", tier: "critical"}, owner: "data@example.com",
    description: "Loads the events of the day before into the warehouse", timeout: "6h"}},
  {start: true, comesTo: "running", job: {name: "video-transcode", schedule: "30 5 * * *", command: "echo 'transcoding 14 videos'; sleep 100000", labels: {team: "web", env: "prod"}, owner: "web@example.com"}},
  {start: true, comesTo: "failed", job: {name: "ledger-reconcile", schedule: "0 5 * * 1-5", time_zone: "Europe/Berlin", command: kTrace, labels: {team: "billing", env: "prod", tier: "critical"},
    owner: "billing@example.com", description: "Debit and credit of the day before"}},
  {start: true, comesTo: "signalled", job: {name: "thumbnail-render", schedule: "15 * * * *", command: "echo 'rendering image 7 of 120'; kill -SEGV $$", labels: {team: "web", env: "prod"}, owner: "web@example.com"}},
  {start: true, comesTo: "timed_out", job: {name: "partner-feed-import", schedule: "25 * * * *", command: "echo 'waiting for sftp.partner.example'; sleep 600", timeout: "1s", kill_grace: "1s",
    labels: {team: "data", env: "prod"}, owner: "data@example.com"}},
  {start: true, comesTo: "succeeded", job: {name: "table-export", schedule: "50 4 * * *", output_bytes_max: 64 << 20, labels: {team: "data", env: "prod"}, owner: "data@example.com",
    command: String.raw`awk 'BEGIN { for (i = 1; i <= 100000; ++i) printf "\033[36m%06d\033[0m exported row of table customers, checksum %08x\n", i, (i * 2654435761) % 4294967296 }'`}},
  {start: true, comesTo: "succeeded", job: {name: "verbose-sync", schedule: "40 4 * * *", output_bytes_max: 16_384, labels: {team: "ops", env: "staging"}, owner: "ops@example.com",
    command: "for i in $(seq 1 20000); do echo \"synchronised file $i of 20000\"; done"}},
  {job: {name: "year-end-closing", schedule: "0 0 1 1 *", time_zone: "America/Argentina/ComodRivadavia", command: "close-books", labels: {team: "billing", env: "prod"}, owner: "billing@example.com"}},
  {job: {name: "queue-depth", schedule: "*/10 * * * * *", command: "echo \"depth $((RANDOM % 400))\"", labels: {team: "ops", env: "prod"}, owner: "ops@example.com"}},
  {job: {name: "mail-queue-flush", schedule: "*/15 * * * * *", command: "echo 'flushing'; sleep 22; echo 'flushed'", labels: {team: "ops", env: "prod"}, owner: "ops@example.com"}},
  {job: {name: "old-gateway-probe", schedule: "*/30 * * * * *", command: "echo 'connect: no route to host' >&2; exit 7", labels: {team: "ops", env: "staging"}, owner: "ops@example.com"}},
];
