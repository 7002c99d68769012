/** Values that a JSON schema allows, and values near it that it does not, for tests that try everything. */
import fc from "fast-check";

export interface JsonSchema {
  type?: string | readonly string[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  maxItems?: number;
  anyOf?: readonly JsonSchema[];
  const?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  nullable?: boolean;
  minimum?: number;
}

/** Texts that break things: separators, controls, half characters, prototypes, paths, other tables. */
const NASTY = [
  ...[
    "",
    " ",
    "\0",
    "\u2028",
    "\ud800",
    "__proto__",
    "constructor",
    "toString",
    "../../etc/passwd",
    "a/b",
    "%2F..",
    "-1",
  ],
  ...[
    "'; drop table runs; --",
    "runs/1",
    "uploads/x",
    ":NAME:",
    "true",
    "null",
    "NaN",
    "1e999",
    "9".repeat(400),
    "é".repeat(300),
  ],
  ...["s3://bucket/x", "file:///etc/passwd", "ext::sh -c id", "http://127.0.0.1:1/x", "a\nb", "\u{1f600}", "{}", "[]"],
];

/** What means something to one route or another. */
const MEANT = [
  "CPU",
  "K80",
  "true",
  "echo :x:",
  "x",
  "a",
  "complete",
  "loss",
  "user",
  "runs/1",
  "uploads/a",
  "=",
  "eq",
];

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...MEANT) },
  { weight: 2, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
);
const integer = fc.oneof(
  fc.integer({ min: -1, max: 5 }),
  fc.constantFrom(2 ** 31, -(2 ** 53), 2 ** 53 - 1, Number.MAX_SAFE_INTEGER + 1, 1e300),
);
const number = fc.oneof(integer, fc.double({ noNaN: true, noDefaultInfinity: true }));

/** What the schema allows, now and then with something else in one place. */
export function nearSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 20, arbitrary: fromSchema(schema) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  );
}

function fromSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  const plain = plainly(schema);
  return schema.nullable
    ? fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: fc.constant(null) })
    : plain;
}

function plainly(schema: JsonSchema): fc.Arbitrary<unknown> {
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(nearSchema));
  const types = [schema.type ?? []].flat();
  return types.length === 0 ? fc.jsonValue({ maxDepth: 3 }) : fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  switch (type) {
    case "object":
      return objectOf(schema);
    case "array":
      return fc.array(nearSchema(schema.items ?? {}), { maxLength: 4 });
    case "string":
      return schema.pattern === undefined ? text : fc.oneof(text, fc.stringMatching(new RegExp(schema.pattern)));
    case "integer":
      return integer;
    case "number":
      return number;
    case "boolean":
      return fc.boolean();
    default:
      return fc.constant(null);
  }
}

/** So many of the parts that may be left out are there at most: with all of them, one would always be wrong. */
const PARTS = 3;

function objectOf({ properties = {}, required = [], additionalProperties }: JsonSchema): fc.Arbitrary<unknown> {
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const named = fc.subarray(optional, { maxLength: Math.min(PARTS, optional.length) }).chain((chosen) => {
    const names = [...required, ...chosen];
    return fc.record(Object.fromEntries(names.map((name) => [name, nearSchema(properties[name] ?? {})])));
  });
  if (typeof additionalProperties !== "object") return named;
  const others = fc.dictionary(text, nearSchema(additionalProperties), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(named, others).map(([first, second]) => ({ ...second, ...first }));
}
