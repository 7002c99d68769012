/** What answers hold, as the clients read it: a field here is one that they may rely on. Further fields may be there. */
import type { TSchema } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";

export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** UTC with microseconds: the one form that every client parses. */
export const Time = Type.String({ pattern: "^\\d{4,6}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$" });
export const Id = Type.Integer({ minimum: 1 });
const Ids = Type.Array(Type.Integer({ minimum: 0 }));

export const Refusal = Type.Object({
  status: Type.String(),
  error: Type.String({ description: "a sentence for people: what happened, why, what to do" }),
  code: Type.String({ description: "stable, for programs" }),
});

export const Empty = Type.Object({});

export const UserFields = Type.Object({
  user_name: Type.String(),
  email: Type.String(),
  full_name: Type.String(),
  created_at: Time,
  updated_at: Time,
});
export const User = Type.Object({ user: UserFields });
export const Session = Type.Object({ user: UserFields, token: Type.String() });
export const AccessTokens = Type.Object({
  access_tokens: Type.Array(
    Type.Object(
      { name: Type.String(), created_at: Time, last_used_at: orNull(Time) },
      { additionalProperties: false, description: "the historical client fails on a fourth field" },
    ),
  ),
});
export const NewAccessToken = Type.Object({ token: Type.String(), created_at: Time });

const KeyFields = Type.Object({
  id: Id,
  title: Type.String(),
  fingerprint: Type.String({ pattern: "^SHA256:[A-Za-z0-9+/]+$" }),
  created_at: Time,
});
export const Key = Type.Object({ key: KeyFields });
export const Keys = Type.Object({ keys: Type.Array(KeyFields) });

export const Options = Type.Object({
  options: Type.Object({ values: Type.Array(Type.String()), default: Type.String() }),
});

export const RunFields = Type.Object({
  id: Id,
  status: Type.String(),
  user_exit_code: orNull(Type.Integer()),
  command: Type.String(),
  gpu: Type.String({ description: "the machine type" }),
  git_commit_hash: Type.String({ description: "empty when there is none" }),
  description: Type.String(),
  docker_image: orNull(Type.String()),
  creator: UserFields,
  labels: Type.Array(Type.Object({ name: Type.String(), background_color_hex: Type.Integer() })),
  environment_vars: Type.Object({}, { additionalProperties: Type.String() }),
  hyper_params: Type.Object({}, { additionalProperties: Type.Union([Type.String(), Type.Number()]) }),
  attached_resources: Type.Object({}, { additionalProperties: Type.String() }),
  created_at: Time,
  started_at: orNull(Time),
  ended_at: orNull(Time),
  attempt: Type.Integer({ description: "the last one, from 1; 0 before the first" }),
  not_before: orNull({ ...Time, description: "while it waits to be tried again" }),
  resumed_as_run: orNull(Id),
  resumed_from_run: orNull(Id),
});
export const Run = Type.Object({ run: RunFields });
export const NewRun = Type.Object({ run: RunFields, already_existed: Type.Boolean() });
export const Runs = Type.Object({ runs: Type.Array(RunFields) });
export const StopBatch = Type.Object({
  ...{ successful_run_ids: Ids, failed_run_ids: Ids, non_existent_run_ids: Ids, post_running_run_ids: Ids },
});
export const KillBatch = Type.Object({
  ...{ successful_run_ids: Ids, failed_run_ids: Ids, non_existent_run_ids: Ids, final_state_run_ids: Ids },
});
export const ArchiveBatch = Type.Object({
  ...{ successful_run_ids: Ids, non_existent_run_ids: Ids, warning_messages: Type.Array(Type.String()) },
});

export const Workflow = Type.Object({
  workflow: Type.Object({
    id: Id,
    workspace_specs: Type.Object({}),
    managing_run: orNull(RunFields),
    runs: Type.Array(RunFields),
  }),
});

const WorkspaceFields = Type.Object({
  id: Id,
  name: Type.String(),
  git_remote_url: Type.String(),
  root_commit: Type.String(),
  description: Type.String(),
  creator: UserFields,
  created_at: Time,
  updated_at: Time,
});
export const Workspace = Type.Object({ workspace: WorkspaceFields });
export const Workspaces = Type.Object({ workspaces: Type.Array(WorkspaceFields) });

/** One line of a stream each. Lines without the fields named here only keep the connection alive. */
export const LogLine = Type.Object({
  log_entry: Type.Optional(
    Type.Object({
      log: Type.String(),
      status: Type.String(),
      status_event: Type.Boolean(),
      level: orNull(Type.String()),
      important: orNull(Type.Boolean()),
      "@timestamp": Time,
    }),
  ),
  next_offset: Type.Optional(Type.Integer({ minimum: 0 })),
  finished: Type.Optional(Type.Boolean({ description: "true on the last line, and on no other" })),
});
export const WaitLine = Type.Object({
  success: Type.Optional(Type.Boolean({ description: "on the last line alone" })),
  error: Type.Optional(Type.String()),
});
