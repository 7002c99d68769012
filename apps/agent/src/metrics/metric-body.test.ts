/** What a run may post as a metric, and what it is told otherwise. */
import { expect, test } from "vitest";
import { parsePoint } from "./metric-body.ts";

test.each([
  [
    { name: "loss", type: "number", number: 0.5 },
    { name: "loss", value: 0.5, index: undefined },
  ],
  [
    { name: "loss", type: "number", number: 0, index: 0 },
    { name: "loss", value: 0, index: 0 },
  ],
  [
    { name: "loss", type: "number", number: -1e308, index: -3 },
    { name: "loss", value: -1e308, index: -3 },
  ],
  [
    { name: "état/ü 🚀", type: "text", text: "" },
    { name: "état/ü 🚀", value: "", index: undefined },
  ],
  [
    { name: "__proto__", type: "text", text: "a\n\u2028b", index: null },
    { name: "__proto__", value: "a\n\u2028b" },
  ],
  [{ name: "n".repeat(200), type: "text", text: "t".repeat(8_192), more: 1 }, { value: "t".repeat(8_192) }],
])("%j is taken", (sent, point) => {
  expect(parsePoint(JSON.stringify(sent))).toMatchObject(point);
});

test.each([
  ["", "no JSON"],
  ['{"name":"a","type":"number","number":NaN}', "no JSON"],
  ['{"name":"a","type":"number","number":1e999}', "finite number"],
  ["[]", "JSON object"],
  ["null", "JSON object"],
  ['"a"', "JSON object"],
  ["{}", '"name"'],
  ['{"name":7,"type":"number","number":1}', '"name"'],
  ['{"name":"","type":"number","number":1}', "1 to 200 characters"],
  [JSON.stringify({ name: "n".repeat(201), type: "number", number: 1 }), "this one has 201"],
  ['{"name":"a\\nb","type":"number","number":1}', "control character"],
  ['{"name":"a","type":"bool","number":1}', '"number" or "text"'],
  ['{"name":"a","number":1}', '"number" or "text"'],
  ['{"name":"a","type":"number","number":"1"}', "must be a number"],
  ['{"name":"a","type":"number","number":true}', "must be a number"],
  ['{"name":"a","type":"number","text":"1"}', 'under "number"'],
  ['{"name":"a","type":"text","text":1}', "must be a text"],
  [JSON.stringify({ name: "a", type: "text", text: "t".repeat(8_193) }), "at most 8192"],
  ['{"name":"a","type":"number","number":1,"index":1.5}', "whole number"],
  ['{"name":"a","type":"number","number":1,"index":"1"}', "whole number"],
  ['{"name":"a","type":"number","number":1,"index":1e300}', "whole number"],
  ['{"name":"a","type":"number","number":1,"index":true}', "whole number"],
])("%j is refused with a sentence", (body, words) => {
  expect(() => parsePoint(body)).toThrow(words);
});
