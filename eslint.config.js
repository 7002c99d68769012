/**
 * The linter's rules. Three kinds: strict TypeScript, the dependency table of ARCHITECTURE.md (nx tags in each
 * package.json), and the few bans that keep I/O at the edges. Later blocks replace the options of a rule for their files.
 */
import eslint from "@eslint/js";
import nx from "@nx/eslint-plugin";
import { createProjectGraphAsync } from "@nx/devkit";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

// The boundary rule reads nx's cached project graph and silently skips itself without one.
await createProjectGraphAsync({ exitOnError: false });

const testFiles = [
  "**/*.{test,itest,fixture,test-support}.ts",
  "**/{contract,testing}.ts",
  "**/{contract,test-support}/**/*.ts",
];
const toolFiles = ["tools/**", "bench/**", "apps/e2e/**", "apps/simulate/**"];
const repositoryFiles = ["tools/**", "bench/**", "examples/**", "*.js", "*.ts"];

const belowAdapters = ["type:domain", "type:contract", "type:util"];
const belowApps = ["type:usecase", "type:adapter", "type:sdk", ...belowAdapters];
const everyType = ["type:app", "type:testing", ...belowApps];

/** Which kind of project may import which: the table of ARCHITECTURE.md. */
const dependencyTable = [
  { sourceTag: "type:app", onlyDependOnLibsWithTags: belowApps },
  { sourceTag: "type:sdk", onlyDependOnLibsWithTags: ["type:usecase", ...belowAdapters] },
  {
    sourceTag: "type:usecase",
    onlyDependOnLibsWithTags: ["type:usecase", "type:adapter", "type:domain", "type:util"],
    bannedExternalImports: ["@grpc/*", "fastify", "@fastify/*"],
  },
  { sourceTag: "type:adapter", onlyDependOnLibsWithTags: belowAdapters },
  { sourceTag: "type:contract", onlyDependOnLibsWithTags: ["type:domain", "type:util"] },
  { sourceTag: "type:domain", onlyDependOnLibsWithTags: ["type:util"] },
  { sourceTag: "type:util", onlyDependOnLibsWithTags: ["type:util"] },
  { sourceTag: "type:testing", onlyDependOnLibsWithTags: belowApps },
];
/** Only the coordinator's side touches the record; an agent or the CLI never does. */
const scopeTable = ["agent", "cli", "coordinator", "shared"].map((scope) => ({
  sourceTag: `scope:${scope}`,
  onlyDependOnLibsWithTags: [...new Set([`scope:${scope}`, "scope:shared"])],
}));

const boundaries = (depConstraints) => [
  "error",
  { allow: [], banTransitiveDependencies: false, enforceBuildableLibDependency: false, depConstraints },
];

const vendors = {
  minio: { group: ["minio", "minio/*"], message: "The vendor's client stays inside libs/object-store/src/s3." },
  nats: { group: ["@nats-io/*"], message: "The vendor's client stays inside libs/event-bus/src/nats." },
  sqlite: { group: ["node:sqlite", "better-sqlite3"], message: "SQL stays inside libs/run-store/src/sqlite." },
  postgres: { group: ["pg", "pg-*"], message: "The vendor's client stays inside libs/run-store/src/postgres." },
};
const drivers = {
  group: ["@spell/*/sqlite", "@spell/*/postgres", "@spell/*/directory", "@spell/*/s3", "@spell/*/nats"],
  message: "Only the apps (and tests) name a driver; take the interface of the package's index.",
};
const pure = { group: ["node:*"], message: "The domain is pure: no I/O, no clock, no randomness." };
const restrictedImports = (...patterns) => ["error", { patterns }];

const noDefaultExport = { selector: "ExportDefaultDeclaration", message: "Export by name." };
const noExportAll = { selector: "ExportAllDeclaration", message: "Name what is exported." };
const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: "The environment is read once, in config.ts or main.ts, and passed on as plain values.",
};

export default defineConfig(
  globalIgnores(["**/node_modules/", "**/dist/", "**/build/", "**/gen/", ".cache/", ".nx/", ".venv/"]),
  eslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: { eqeqeq: "error", "no-console": "error", "no-constant-condition": ["error", { checkLoops: false }] },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@nx": nx },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { arguments: false } }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Interfaces are asynchronous so that a driver may be; a driver that answers at once is no mistake.
      "@typescript-eslint/require-await": "off",
      // Numbers in a template print as one expects; anything that would print as [object Object] stays an error.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "no-restricted-syntax": ["error", noDefaultExport, noExportAll, noEnvironment],
      "no-restricted-imports": restrictedImports(
        drivers,
        vendors.minio,
        vendors.nats,
        vendors.sqlite,
        vendors.postgres,
      ),
      "@nx/enforce-module-boundaries": boundaries([...dependencyTable, ...scopeTable]),
    },
  },
  {
    files: ["libs/domain/src/**/*.ts"],
    ignores: testFiles,
    rules: {
      "no-restricted-imports": restrictedImports(
        pure,
        drivers,
        vendors.minio,
        vendors.nats,
        vendors.sqlite,
        vendors.postgres,
      ),
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: pure.message },
        { object: "Math", property: "random", message: pure.message },
      ],
    },
  },
  {
    files: ["apps/**/*.ts", ...testFiles, "libs/testing/**/*.ts", ...toolFiles],
    rules: {
      "no-restricted-imports": restrictedImports(vendors.minio, vendors.nats, vendors.sqlite, vendors.postgres),
    },
  },
  {
    files: ["libs/object-store/src/s3/**/*.ts"],
    rules: { "no-restricted-imports": restrictedImports(drivers, vendors.nats, vendors.sqlite, vendors.postgres) },
  },
  {
    files: ["libs/event-bus/src/nats/**/*.ts"],
    rules: { "no-restricted-imports": restrictedImports(drivers, vendors.minio, vendors.sqlite, vendors.postgres) },
  },
  {
    // The simulation's database stands in for the module that this driver alone imports.
    files: ["libs/run-store/src/sqlite/**/*.ts", "apps/simulate/src/world/database.ts"],
    rules: { "no-restricted-imports": restrictedImports(drivers, vendors.minio, vendors.nats, vendors.postgres) },
  },
  {
    files: ["libs/run-store/src/postgres/**/*.ts"],
    rules: { "no-restricted-imports": restrictedImports(drivers, vendors.minio, vendors.nats, vendors.sqlite) },
  },
  {
    // It makes databases for tests.
    files: ["libs/testing/src/postgres.ts"],
    rules: { "no-restricted-imports": restrictedImports(vendors.minio, vendors.nats, vendors.sqlite) },
  },
  {
    // Tests of a package may hold its parts against any other package, and may use what libs/testing starts.
    files: [...testFiles, "libs/testing/**/*.ts"],
    rules: {
      "@nx/enforce-module-boundaries": boundaries([
        { sourceTag: "type:app", onlyDependOnLibsWithTags: everyType },
        { sourceTag: "*", onlyDependOnLibsWithTags: ["type:testing", ...belowApps] },
      ]),
      "@typescript-eslint/no-unsafe-assignment": "off", // matchers such as expect.any() are typed any
    },
  },
  {
    // The simulation puts coordinator and agent together in one process: it alone imports the parts of both.
    files: ["apps/e2e/**/*.ts", "apps/simulate/**/*.ts"],
    rules: {
      "@nx/enforce-module-boundaries": boundaries([{ sourceTag: "*", onlyDependOnLibsWithTags: everyType }]),
    },
  },
  {
    // The SDK's client is the front door of scripts: `fromEnvironment` is its main.
    files: [
      ...["**/config.ts", "**/main.ts", "libs/sdk/src/client.ts"],
      ...[...testFiles, "libs/testing/**/*.ts", ...toolFiles, "examples/**/*.ts"],
    ],
    rules: { "no-restricted-syntax": ["error", noDefaultExport, noExportAll] },
  },
  {
    // Config files are loaded by their tools through the default export.
    files: ["*.config.ts", "*.config.js"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["apps/cli/src/output/**/*.ts", ...repositoryFiles, "apps/e2e/**", "apps/simulate/src/{main,command/*}.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["**/*.js", "**/*.mjs", "**/*.cjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
      },
    },
  },
);
