// The types: what must compile does and what must not does not, in projects of several kinds, and
// they name what is there at run time and nothing else.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const read = (name) => readFileSync(file(name), "utf8");
const types = read("../../wasm/npm/index.d.ts");

const compiler = file("../../wasm/npm/node_modules/typescript/bin/tsc");
const projects = [
  // Nothing but the language, as far back as it goes.
  ["tsconfig.json", "--lib", "es2022"],
  ["tsconfig.json", "--lib", "es2020"],
  ["tsconfig.json", "--lib", "esnext", "--exactOptionalPropertyTypes", "false"],
  // A page, and a worker.
  ["tsconfig.web.json", "--lib", "es2020,dom"],
  ["tsconfig.web.json", "--lib", "esnext,dom,dom.iterable,dom.asynciterable"],
  ["tsconfig.web.json", "--lib", "es2022,webworker"],
];
for (const [project, ...options] of projects) {
  test(`the types hold in ${project} with ${options.join(" ")}`, () => {
    const run = [compiler, "-p", file(`types/${project}`), "--pretty", "false", ...options];
    const { status, stdout, stderr } = spawnSync(process.execPath, run, { encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
}

/** The classes of the types: what they extend, and their members, each with its kind. */
function classes() {
  const found = new Map();
  const text = types.matchAll(
    /^(?:export|declare abstract) class (\w+)([^\n]*) \{\n(.*?)^\}/gms,
  );
  for (const [, name, head, body] of text) {
    const parent = head.match(/(?:> |^ )extends (\w+)/)?.[1];
    const members = new Map();
    const line = /^  (static |get |readonly )?(\[Symbol\.\w+\]|\w+)\??([<(:])/gm;
    for (const [, before, member, after] of body.matchAll(line)) {
      if (member === "constructor") continue;
      const kind = before?.trim() ?? (after === ":" ? "readonly" : "method");
      members.set(member, kind);
    }
    found.set(name, { parent, members });
  }
  return found;
}

/** All members of a class, those that it has from its parent included. */
function membersOf(all, name) {
  const { parent, members } = all.get(name) ?? { members: [] };
  return new Map([...(parent ? membersOf(all, parent) : []), ...members]);
}

/** What an object and those above it have, up to the language's own, each with its kind. */
function there(object, kind) {
  const found = new Map();
  const own = [Object.prototype, Function.prototype, Error.prototype, Error];
  for (; object && !own.includes(object); object = Object.getPrototypeOf(object)) {
    for (const key of Reflect.ownKeys(object)) {
      if (["constructor", "length", "prototype"].includes(key)) continue;
      if (kind === "static" && key === "name") continue;
      const name = key === Symbol.dispose ? "[Symbol.dispose]" : String(key);
      const getter = Object.getOwnPropertyDescriptor(object, key).get;
      if (!found.has(name)) found.set(name, getter ? "get" : kind);
    }
  }
  return found;
}

const sorted = (map) => [...map].map(([name, kind]) => `${kind} ${name}`).sort();

test("a class has the members that its type has, and no others", async () => {
  const vicino = await import("../../wasm/npm/node.js");
  const all = classes();
  const exported = [...all.keys()].filter((name) => types.includes(`export class ${name}`));
  const classNames = ["DimensionRouter", "ScopedStore", "VectorStore", "VicinoError"];
  assert.deepEqual(exported.sort(), classNames);
  for (const name of exported) {
    const members = membersOf(all, name);
    assert.ok(members.size > 3, name);
    // Fields are an object's own; those that its prototype has are compared by name alone.
    const said = new Map([...members].filter(([, kind]) => kind !== "readonly"));
    if (!Symbol.dispose) said.delete("[Symbol.dispose]");
    const found = [
      ...there(vicino[name].prototype, "method"),
      ...there(vicino[name], "static"),
    ].filter(([member]) => members.get(member) !== "readonly");
    assert.deepEqual(sorted(found), sorted(said), name);
  }
});

test("the package exports what the types do", async () => {
  const vicino = await import("../../wasm/npm/node.js");
  const values = types.matchAll(/^export (?:default )?(?:class|function|const) (\w+)/gm);
  const names = [...values].map(([, name]) => (name === "init" ? "default" : name));
  assert.deepEqual(Object.keys(vicino).sort(), names.sort());
});

test("the types of `require` name what those of `import` do", () => {
  const names = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, n]) => n))];
  const twin = read("../../wasm/npm/index.d.cts");
  const pattern =
    /^export (?:declare |default )?(?:class|function|const|type|interface) (\w+)/gm;
  const here = names(types, pattern).sort();
  const said = [...names(twin, pattern), ...names(twin, /^  (\w+),$/gm)];
  if (/^export default init;$/m.test(twin)) said.push("init");
  assert.deepEqual([...new Set(said)].sort(), here);
});

test("every code of an error is in the types", () => {
  const codes = [...types.matchAll(/^  \| "([a-z_]+)"$/gm)].map(([, code]) => code);
  const union = codes.slice(codes.indexOf("ambiguous_model"));
  assert.deepEqual(union, [...union].sort(), "they are in order");
  const table = read("../../core/docs/errors.md").matchAll(/^\| `([a-z_]+)` \|/gm);
  const documented = [...table].map(([, code]) => code);
  const ours = ["broken", "disposed", "not_initialized", "simd_unavailable", "unknown_option"];
  assert.deepEqual(union, [...new Set([...documented, ...ours])].sort());
});
