// Written by scripts/api-types from docs/api.yaml, which says all of it.

export type Status = "waiting" | "claimed" | "running" | "succeeded" | "failed" | "signalled" | "timed_out" | "killed" | "skipped" | "missed" | "lost" | "refused";

/** docs/formats.md has every field with its default. */
export interface Job {
  name?: string;
  /** five to seven fields or a macro */
  schedule: string;
  /** the same under its older name */
  cronExpr?: string;
  time_zone?: string;
  command: string | Array<string>;
  shell?: Array<string>;
  env?: Record<string, string>;
  working_directory?: string;
  user?: string;
  umask?: string;
  limits?: Record<string, unknown>;
  timeout?: string;
  kill_grace?: string;
  enabled?: boolean;
  paused_until?: string;
  starts_at?: string;
  ends_at?: string;
  labels?: Record<string, string>;
  description?: string;
  owner?: string;
  overlap?: "forbid" | "allow" | "replace" | Record<string, unknown>;
  misfire?: "run_once" | "skip" | Record<string, unknown>;
  catch_up_window?: string;
  start_deadline?: string;
  jitter?: string;
  retry?: Record<string, unknown>;
  delivery?: "at_most_once" | Record<string, unknown>;
  output_bytes_max?: number;
  /** What a run that is asked for may be told. Each reaches the run as the environment variable of its name; runs by schedule have the defaults. */
  parameters?: Array<{
    /** letters, digits and _, no digit in front */
    name: string;
    type?: "text" | "integer" | "boolean";
    /** absent: whoever asks for a run must say it */
    default?: string | number | boolean;
    choices?: Array<string | number | boolean>;
    description?: string;
  }>;
  /** Labels that a worker must have; `node` is each worker's node id. */
  where?: Record<string, string | Array<string> | {
    not: string | Array<string>;
  }>;
}

export interface StoredJob {
  name: string;
  revision: number;
  /** false for a document put by hand that no worker can schedule */
  valid: boolean;
  job?: Job;
  /** in place of job where it cannot be read */
  document?: string;
  errors?: Array<Mistake>;
  /** firings after it belong to this version */
  since?: string;
  next_firings: Array<string>;
  /** in lists: workers that cannot schedule it, and why */
  refused_by?: Record<string, string>;
}

export interface Run {
  id: string;
  job: string;
  status: Status;
  reason?: string;
  scheduled_at?: string;
  attempt: number;
  /** false while it is not over or when another attempt follows */
  final: boolean;
  trigger: "schedule" | "manual" | "retry" | "redelivery" | "catch_up";
  triggered_by?: string;
  command?: string;
  worker?: string;
  claimed_at?: string;
  started_at?: string;
  ended_at?: string;
  late_ms?: number;
  duration_ms?: number;
  exit_code?: number;
  signal?: number;
  error?: string;
  /** who killed it */
  actor?: string;
  output_bytes?: number;
  output_bytes_dropped?: number;
  cpu_user_us?: number;
  cpu_system_us?: number;
  /** 0: not known, less than the runner that started it has itself (some 25 MB) */
  memory_bytes_peak?: number;
  job_revision?: number;
  fence?: number;
  /** firings that this record stands for */
  range_count?: number;
  range_from?: string;
}

export interface Glance {
  name: string;
  /** absent where the schedule cannot be read */
  sentence?: string;
  next_firings: Array<string>;
  /** newest first */
  results: Array<{
    id: string;
    status: Status;
    reason?: string;
    scheduled_at?: string;
    duration_ms?: number;
  }>;
  /** of the newest 50 runs of the last seven days that came to an end of their own */
  recent: {
    count: number;
    succeeded: number;
    duration_ms_p50?: number;
  };
}

export interface Firing {
  job: string;
  at: string;
  /** true: it has not come due */
  expected: boolean;
  status?: Status;
  reason?: string;
  run_id?: string;
  /** firings that the record stands for */
  count?: number;
}

export type Verdicts = { [key in Status]?: number };

export interface Percentiles {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export interface Chunk {
  offset: number;
  stream: "stdout" | "stderr";
  written_at: string;
  text?: string;
  /** in place of text where the bytes are no UTF-8 */
  base64?: string;
}

export interface Worker {
  node: string;
  state: "ready" | "not_accepting" | "draining" | "drained" | "gone";
  address?: string;
  host?: string;
  pid?: number;
  version?: string;
  zone_version?: string;
  capacity?: number;
  running?: number;
  accepting?: boolean;
  started_at?: string;
  seen_at?: string;
  /** how busy its machine is and how far its stores are, as it said some seconds ago */
  load?: {
    cpus: number;
    /** of all CPUs together, 0 to 100 */
    cpu_percent: number;
    /** of the machine in use */
    memory_bytes: number;
    memory_bytes_max: number;
    /** output and ends on its disk on their way to the history */
    spool_bytes: number;
    /** history.spool_bytes_max */
    spool_bytes_max: number;
    /** of the median of the fleet's clocks; negative: behind */
    clock_ahead_ms: number;
    /** what nearly every answer of the coordination store comes within */
    store_latency_ms: number;
    /** of the last answer of the history */
    history_latency_ms: number;
  };
  /** of one that is gone: its runs that wait to be settled */
  runs_left?: number;
  labels: Record<string, string>;
  warnings: Array<string>;
  /** jobs whose documents it cannot schedule */
  refused: Record<string, string>;
  /** what an operator wants of it */
  settings?: {
    drain?: boolean;
    labels?: Record<string, string>;
    by?: string;
    reason?: string;
    at?: string;
    revision?: number;
  };
}

export interface Alarm {
  code: "clock_differs" | "clock_suspect" | "disk_full" | "foreign_worker" | "history_away" | "job_refused" | "job_without_worker" | "marker_ahead" | "no_room" | "no_workers" | "another_store" | "records_spooled" | "restored_store" | "spool_trouble" | "store_away" | "store_damaged" | "store_member_away" | "store_space" | "worker_gone" | "worker_warning" | "zone_data_differs";
  node?: string;
  job?: string;
  detail: string;
  /** what to do about it */
  action: string;
}

export interface HelloEvent {
  /** the server's clock */
  now: string;
  topics: Array<"jobs" | "runs" | "workers" | "system">;
  resumed: boolean;
}

export interface ResyncEvent {
  now: string;
  topics: Array<"jobs" | "runs" | "workers" | "system">;
}

export interface JobEvent {
  revision: number;
  job: StoredJob;
}

export interface JobDeletedEvent {
  revision: number;
  name: string;
}

export interface RunEvent {
  revision: number;
  run: Run;
}

export interface RunRecordedEvent {
  revision: number;
  id: string;
}

export interface WorkerEvent {
  revision: number;
  worker: Worker;
}

export interface SystemEvent {
  /** full: it is read and takes no writes */
  dependencies: Record<string, "ok" | "full" | "down">;
  alarms: Array<Alarm>;
}

export interface Readiness {
  status: "ready" | "degraded" | "not_ready";
  /** full: it is read and takes no writes */
  dependencies: Record<string, "ok" | "full" | "down">;
}

export interface Mistake {
  /** JSON pointer into the body */
  pointer?: string;
  parameter?: string;
  header?: string;
  line?: number;
  column?: number;
  length?: number;
  code?: string;
  detail: string;
  suggestion?: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  /** stable */
  code: string;
  detail: string;
  /** the request id */
  instance: string;
  errors?: Array<Mistake>;
}

export type SavedAnswer = StoredJob & {
  created: boolean;
  /** false when the same job stood there already */
  changed: boolean;
  /** true: nothing was written */
  dry_run?: boolean;
  next_firing_before?: string;
  next_firing_after?: string;
  /** they go on as they began */
  runs_under_way?: number;
  /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
  collisions?: {
    count: number;
    jobs: Array<string>;
  };
};

export type LabelsAnswer = {
  node: string;
  labels: Record<string, string>;
  /** 0: nobody has set any */
  revision: number;
};

export type ExplanationAnswer = {
  expression: string;
  /** the one that counts */
  time_zone: string;
  sentence: string;
  notes: Array<string>;
  /** fewer than asked when the schedule ends */
  firings: Array<string>;
};

export interface Operations {
  list_jobs: {
    path: Record<never, never>;
    query: { limit?: number; cursor?: string; sort?: "name" | "-name" | "next" | "-next" | "revision" | "-revision"; filter?: string; text?: string; label?: Array<string>; enabled?: "true" | "false"; stale?: "ok" };
    body: undefined;
    answer: {
      items: Array<StoredJob>;
      /** absent on the last page */
      next_cursor?: string;
      /** of all pages */
      total: number;
      revision: number;
      /** true while the store is away */
      stale?: boolean;
    };
  };
  create_job: {
    path: Record<never, never>;
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: Job;
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  get_job: {
    path: { name: string };
    query: { stale?: "ok" };
    body: undefined;
    answer: StoredJob;
  };
  put_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: Job;
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  patch_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: Record<string, unknown>;
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  delete_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: undefined;
    answer: StoredJob;
  };
  run_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
      /** node id; absent means any */
      worker?: string;
      /** of those that the job declares; the rest have their defaults. 422 invalid_parameters names each mistake */
      parameters?: Record<string, string | number | boolean>;
    };
    answer: {
      run_id: string;
      repeated: boolean;
      dry_run: true;
    } | {
      run_id: string;
      /** the key had come before */
      repeated: boolean;
    };
  };
  pause_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      /** must lie ahead; absent: until it is resumed */
      until?: string;
      /** for the log of the server */
      reason?: string;
    };
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  resume_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
    };
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  clone_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      name: string;
      enabled?: boolean;
    };
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  change_jobs: {
    path: Record<never, never>;
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      dry_run?: boolean;
      /** kept with the runs it starts, and in the log of the server */
      reason?: string;
      items: Array<{
        action: "put" | "patch" | "delete" | "run";
        name: string;
        job?: Job;
        patch?: Record<string, unknown>;
        if_match?: string;
        if_none_match?: "*";
      }>;
    };
    answer: {
      dry_run: boolean;
      failed: number;
      items: Array<{
        name: string;
        /** as the answer to a single change */
        status: number;
        changed?: boolean;
        revision?: number;
        run_id?: string;
        problem?: Problem;
      }>;
    };
  };
  glance_jobs: {
    path: Record<never, never>;
    query: { name: Array<string>; language?: "en" | "zh"; stale?: "ok" };
    body: undefined;
    answer: {
      items: Array<Glance>;
      /** true when records are missing */
      partial?: boolean;
    };
  };
  explain_job: {
    path: { name: string };
    query: { from?: string; count?: number; language?: "en" | "zh"; stale?: "ok" };
    body: undefined;
    answer: {
      name: string;
      revision: number;
      expression: string;
      time_zone: string;
      sentence: string;
      notes: Array<string>;
      enabled: boolean;
      paused_until?: string;
      starts_at?: string;
      ends_at?: string;
      /** none while disabled; none before paused_until */
      firings: Array<string>;
    };
  };
  kill_job: {
    path: { name: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
      /** between TERM and KILL, at most 1h; the kill_grace of the job when absent */
      grace?: string;
    };
    answer: {
      runs: Array<string>;
    };
  };
  list_versions: {
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    answer: {
      items: Array<{
        revision: number;
        current: boolean;
        valid: boolean;
        since?: string;
        /** pointers to what differs from the version before */
        changes?: Array<string>;
      }>;
    };
  };
  get_version: {
    path: { name: string; revision: number };
    query: Record<never, never>;
    body: undefined;
    answer: {
      name: string;
      revision: number;
      current: boolean;
      valid: boolean;
      job?: Job;
      /** in place of job where it cannot be read */
      document?: string;
      since?: string;
    };
  };
  diff_versions: {
    path: { name: string; revision: number };
    query: { against?: number };
    body: undefined;
    answer: {
      name: string;
      /** absent for the first version */
      from?: number;
      to: number;
      changes: Array<{
        pointer: string;
        /** absent where the member is new */
        before?: unknown;
        /** absent where it is gone */
        after?: unknown;
      }>;
    };
  };
  restore_version: {
    path: { name: string; revision: number };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: undefined;
    answer: StoredJob & {
      created: boolean;
      /** false when the same job stood there already */
      changed: boolean;
      /** true: nothing was written */
      dry_run?: boolean;
      next_firing_before?: string;
      next_firing_after?: string;
      /** they go on as they began */
      runs_under_way?: number;
      /** other jobs that fire in the same second as the next firing; absent with more than 20,000 jobs */
      collisions?: {
        count: number;
        jobs: Array<string>;
      };
    };
  };
  list_runs: {
    path: Record<never, never>;
    query: { filter?: string; job?: string; status?: Array<Status>; worker?: string; from?: string; until?: string; order?: "newest_first" | "oldest_first"; limit?: number; cursor?: string; stale?: "ok" };
    body: undefined;
    answer: {
      items: Array<Run>;
      /** absent on the last page */
      next_cursor?: string;
      /** only where the first page has all of them */
      total?: number;
      /** true while the store is away */
      stale?: boolean;
      /** true when records are missing */
      partial?: boolean;
      partial_reason?: string;
    };
  };
  get_run: {
    path: { id: string };
    query: { stale?: "ok" };
    body: undefined;
    answer: Run;
  };
  get_output: {
    path: { id: string };
    query: { from?: number; follow?: "0" | "1" };
    body: undefined;
    answer: {
      run_id: string;
      from: number;
      next_offset: number;
      over: boolean;
      chunks: Array<Chunk>;
    };
  };
  kill_run: {
    path: { id: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
      /** between TERM and KILL, at most 1h; the kill_grace of the job when absent */
      grace?: string;
    };
    answer: Run;
  };
  list_firings: {
    path: Record<never, never>;
    query: { from?: string; until?: string; job?: string; limit?: number; stale?: "ok" };
    body: undefined;
    answer: {
      now: string;
      items: Array<Firing>;
      more: boolean;
    };
  };
  count_firings: {
    path: Record<never, never>;
    query: { edge: Array<string>; stale?: "ok" };
    body: undefined;
    answer: {
      now: string;
      items: Array<{
        from: string;
        verdicts: Verdicts;
        expected: number;
      }>;
      busiest: Array<{
        at: string;
        count: number;
        /** the first of them */
        jobs: Array<string>;
      }>;
      /** false: there are more firings to come than are looked at */
      complete: boolean;
    };
  };
  statistics: {
    path: Record<never, never>;
    query: { from?: string; until?: string; stale?: "ok" };
    body: undefined;
    answer: {
      now: string;
      from: string;
      until: string;
      running: number;
      verdicts: Verdicts;
      hours: Array<{
        from: string;
        verdicts: Verdicts;
      }>;
      late_ms?: Percentiles;
      duration_ms?: Percentiles;
      /** run ids */
      late: Array<string>;
      next: Array<Firing>;
    };
  };
  explain_by_query: {
    path: Record<never, never>;
    query: { expression: string; time_zone?: string; from?: string; count?: number; key?: string; language?: "en" | "zh" };
    body: undefined;
    answer: {
      expression: string;
      /** the one that counts */
      time_zone: string;
      sentence: string;
      notes: Array<string>;
      /** fewer than asked when the schedule ends */
      firings: Array<string>;
    };
  };
  explain: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: {
      expression: string;
      time_zone?: string;
      from?: string;
      count?: number;
      key?: string;
      language?: "en" | "zh";
    };
    answer: {
      expression: string;
      /** the one that counts */
      time_zone: string;
      sentence: string;
      notes: Array<string>;
      /** fewer than asked when the schedule ends */
      firings: Array<string>;
    };
  };
  list_zones: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: {
      version: string;
      items: Array<string>;
    };
  };
  list_workers: {
    path: Record<never, never>;
    query: { stale?: "ok" };
    body: undefined;
    answer: {
      items: Array<Worker>;
      revision: number;
      stale?: boolean;
    };
  };
  get_worker: {
    path: { node: string };
    query: { stale?: "ok" };
    body: undefined;
    answer: Worker;
  };
  drain_worker: {
    path: { node: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
    };
    answer: Worker;
  };
  undrain_worker: {
    path: { node: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
    };
    answer: Worker;
  };
  get_labels: {
    path: { node: string };
    query: { stale?: "ok" };
    body: undefined;
    answer: {
      node: string;
      labels: Record<string, string>;
      /** 0: nobody has set any */
      revision: number;
    };
  };
  put_labels: {
    path: { node: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: Record<string, string>;
    answer: {
      node: string;
      labels: Record<string, string>;
      /** 0: nobody has set any */
      revision: number;
    };
  };
  forget_worker: {
    path: { node: string };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
    };
    answer: {
      node: string;
      /** names of jobs */
      unlocked: Array<string>;
    };
  };
  list_alarms: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: {
      items: Array<Alarm>;
    };
  };
  confirm_alarm: {
    path: { code: "marker_ahead" | "restored_store" };
    query: { dry_run?: "0" | "1" | "true" | "false" };
    body: {
      reason?: string;
    };
    answer: {
      /** restored_store: of the store when it was confirmed */
      revision?: number;
      /** marker_ahead: those that fire again */
      jobs?: Array<string>;
      by: string;
      at: string;
    };
  };
  listen: {
    path: Record<never, never>;
    query: { topics?: string; last_event_id?: string };
    body: undefined;
    answer: undefined;
  };
  system: {
    path: Record<never, never>;
    query: { stale?: "ok" };
    body: undefined;
    answer: {
      name: string;
      version: string;
      mode: "standalone" | "master";
      /** of the worker in this process */
      node?: string;
      started_at: string;
      now: string;
      zone_version: string;
      revision: number;
      workers: number;
      warnings: Array<string>;
      stale?: boolean;
      stores?: Array<{
        role: "coordination" | "history";
        backend: "sqlite" | "etcd" | "mongodb" | "local" | "";
        /** full: it is read and takes no writes */
        state: "ok" | "full" | "down";
      }>;
      /** workers by release */
      releases?: Record<string, number>;
      /** of this process, read-only: JSON with comments that say where each value came from; secrets are masked */
      configuration?: string;
      store_members?: Array<{
        endpoint?: string;
        answers?: boolean;
        leader?: boolean;
        version?: string;
        database_bytes?: number;
        error?: string;
      }>;
    };
  };
  document: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: {
      openapi: "3.1.0";
      info: Record<string, unknown>;
      paths: Record<string, unknown>;
      servers?: Array<unknown>;
      tags?: Array<unknown>;
      components?: Record<string, unknown>;
    };
  };
  health: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Record<string, unknown>;
  };
  ready: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    answer: Readiness;
  };
}

export const operations = {
  list_jobs: ["GET", "/api/v1/jobs"],
  create_job: ["POST", "/api/v1/jobs"],
  get_job: ["GET", "/api/v1/jobs/{name}"],
  put_job: ["PUT", "/api/v1/jobs/{name}"],
  patch_job: ["PATCH", "/api/v1/jobs/{name}"],
  delete_job: ["DELETE", "/api/v1/jobs/{name}"],
  run_job: ["POST", "/api/v1/jobs/{name}:run"],
  pause_job: ["POST", "/api/v1/jobs/{name}:pause"],
  resume_job: ["POST", "/api/v1/jobs/{name}:resume"],
  clone_job: ["POST", "/api/v1/jobs/{name}:clone"],
  change_jobs: ["POST", "/api/v1/jobs:batch"],
  glance_jobs: ["GET", "/api/v1/jobs:glance"],
  explain_job: ["GET", "/api/v1/jobs/{name}:explain"],
  kill_job: ["POST", "/api/v1/jobs/{name}:kill"],
  list_versions: ["GET", "/api/v1/jobs/{name}/versions"],
  get_version: ["GET", "/api/v1/jobs/{name}/versions/{revision}"],
  diff_versions: ["GET", "/api/v1/jobs/{name}/versions/{revision}:diff"],
  restore_version: ["POST", "/api/v1/jobs/{name}/versions/{revision}:restore"],
  list_runs: ["GET", "/api/v1/runs"],
  get_run: ["GET", "/api/v1/runs/{id}"],
  get_output: ["GET", "/api/v1/runs/{id}/output"],
  kill_run: ["POST", "/api/v1/runs/{id}:kill"],
  list_firings: ["GET", "/api/v1/firings"],
  count_firings: ["GET", "/api/v1/firings:count"],
  statistics: ["GET", "/api/v1/statistics"],
  explain_by_query: ["GET", "/api/v1/cron:explain"],
  explain: ["POST", "/api/v1/cron:explain"],
  list_zones: ["GET", "/api/v1/zones"],
  list_workers: ["GET", "/api/v1/workers"],
  get_worker: ["GET", "/api/v1/workers/{node}"],
  drain_worker: ["POST", "/api/v1/workers/{node}:drain"],
  undrain_worker: ["POST", "/api/v1/workers/{node}:undrain"],
  get_labels: ["GET", "/api/v1/workers/{node}/labels"],
  put_labels: ["PUT", "/api/v1/workers/{node}/labels"],
  forget_worker: ["POST", "/api/v1/workers/{node}:forget"],
  list_alarms: ["GET", "/api/v1/alarms"],
  confirm_alarm: ["POST", "/api/v1/alarms/{code}:confirm"],
  listen: ["GET", "/api/v1/events"],
  system: ["GET", "/api/v1/system"],
  document: ["GET", "/api/v1/openapi.json"],
  health: ["GET", "/healthz"],
  ready: ["GET", "/readyz"],
} as const satisfies Record<keyof Operations, readonly [string, string]>;
