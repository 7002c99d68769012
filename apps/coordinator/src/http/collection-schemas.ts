/** What answers about things beside runs hold: projects, searches, metrics, resources, links, models, uploads. */
import { Type } from "@sinclair/typebox";
import { Id, RunFields, Time, UserFields, orNull } from "./answer-schemas.ts";

const Count = Type.Integer({ minimum: 0 });
const ProjectFields = Type.Object({
  id: Id,
  name: Type.String(),
  description: Type.String(),
  creator: UserFields,
  created_at: Time,
  updated_at: Time,
  archived_at: orNull(Time),
  total_run_count: Count,
  active_run_count: Count,
  total_runtime_seconds: Count,
});
export const Project = Type.Object({ spell_project: ProjectFields });
export const Projects = Type.Object({ spell_projects: Type.Array(ProjectFields) });

const SearchFields = Type.Object({
  id: Id,
  num_runs: Count,
  parameter_spec: Type.Object({}, { description: "its first key is grid_params, random_params or bayesian_params" }),
  command: Type.String(),
  gpu: Type.String(),
  creator: UserFields,
  created_at: Time,
  started_at: orNull(Time),
  ended_at: orNull(Time),
});
export const Search = Type.Object({
  hyper_search: Type.Intersect([SearchFields, Type.Object({ runs: Type.Array(RunFields) })]),
});
export const Searches = Type.Object({ hyper_searches: Type.Array(SearchFields) });
export const MetricNames = Type.Object({ metric_names: Type.Array(Type.Object({ name: Type.String() })) });

const Points = Type.Object({
  data: Type.Array(Type.Tuple([Time, Type.Integer(), Type.Union([Type.Number(), Type.String()])])),
});
export const Metrics = Type.Object({ metrics: Type.Object({}, { additionalProperties: Points }) });
export const MetricLine = Type.Object({
  connected: Type.Optional(Type.Boolean()),
  metrics_by_run: Type.Optional(
    Type.Object({}, { additionalProperties: Type.Object({}, { additionalProperties: Points }) }),
  ),
  finished: Type.Optional(Type.Boolean({ description: "true on the last line, and on no other" })),
});

const Amount = Type.Number({ minimum: 0 });
export const StatsLine = Type.Object({
  cpu_stats: Type.Optional(
    Type.Object({
      cpu_percentage: Type.Number({ minimum: 0, description: "of one core: two busy cores are 200" }),
      memory: Count,
      memory_total: Count,
      memory_percentage: Amount,
      network_rx: Count,
      network_tx: Count,
      block_read: Count,
      block_write: Count,
    }),
  ),
  gpu_stats: Type.Optional(
    orNull(
      Type.Array(
        Type.Object({
          name: Type.String(),
          temperature: orNull(Amount),
          power_draw: orNull(Amount),
          power_limit: orNull(Amount),
          gpu_utilization: orNull(Amount),
          memory_utilization: orNull(Amount),
          memory_used: orNull(Type.Integer({ minimum: 0, description: "MiB" })),
          memory_total: orNull(Type.Integer({ minimum: 0, description: "MiB" })),
          perf_state: orNull(Type.String()),
        }),
      ),
    ),
  ),
  finished: Type.Optional(Type.Boolean({ description: "true on the last line, and on no other" })),
  message: Type.Optional(Type.String({ description: "on the last line, when the run is not running: why" })),
});

export const ListLine = Type.Object({
  path: Type.String(),
  size: orNull(Count),
  date: orNull(Time),
  additional_info: orNull(Type.String()),
  link_target: orNull(Type.String()),
});
/** Not JSON: a tar archive. */
export const Archive = Type.Unsafe<string>({ type: "string", format: "binary" });

const LinkFields = Type.Object({ alias: Type.String(), resource_path: Type.String(), created_at: Time });
export const Link = Type.Object({ resource_link: LinkFields });
export const LinkIfAny = Type.Object({
  resource_link: Type.Partial(LinkFields, { description: "empty if there is none" }),
});
export const Links = Type.Object({ resource_links: Type.Array(LinkFields) });

const VersionFields = Type.Object({
  id: Id,
  version: Type.String(),
  formatted_version: Type.String(),
  model_id: Id,
  model_name: Type.String(),
  description: Type.String(),
  creator: UserFields,
  created_at: Time,
  resource: Type.String(),
  files: Type.Array(
    Type.Object(
      { resource_path: Type.String(), destination_path: orNull(Type.String()) },
      { additionalProperties: false, description: "the historical client fails on a third field" },
    ),
    { minItems: 1 },
  ),
});
const ModelFields = Type.Object({
  id: Id,
  name: Type.String(),
  creator: UserFields,
  created_at: Time,
  model_versions: Type.Array(VersionFields),
});
export const Model = Type.Object({ model: ModelFields });
export const Models = Type.Object({ models: Type.Array(ModelFields) });
export const ModelVersion = Type.Object({ model_version: VersionFields });

const UploadFields = Type.Object({
  id: Id,
  name: Type.String(),
  status: Type.Union([Type.Literal("uploading"), Type.Literal("complete")]),
  created_at: Time,
  updated_at: Time,
});
export const Upload = Type.Object({ user_dataset: UploadFields });
export const Uploads = Type.Object({ user_datasets: Type.Array(UploadFields) });
/** The answer is in the headers. */
export const Nothing = Type.Null();
