// The package as a user gets it: packed, installed into an empty project, used as its page says.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VectorStore, version } from "../../wasm/npm/node.js";

const source = fileURLToPath(new URL("../../wasm/npm", import.meta.url));
let project;

before(() => {
  project = mkdtempSync(join(tmpdir(), "vicino-npm-"));
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", project], {
    cwd: source,
    encoding: "utf8",
  }).trim();
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", `./${packed}`], {
    cwd: project,
  });
});

after(() => rmSync(project, { recursive: true }));

const run = (file, code) => {
  writeFileSync(join(project, file), code);
  return execFileSync(process.execPath, [file], { cwd: project, encoding: "utf8" });
};

for (const page of [join(source, "README.md"), join(source, "../../README.md")]) {
  test(`the examples of ${relative(process.cwd(), page)} run`, () => {
    const examples = [...readFileSync(page, "utf8").matchAll(/```js\n(.*?)```/gs)];
    assert.ok(examples.length > 0);
    for (const [, example] of examples) {
      // A comment after an expression is what the expression gives.
      const claims = example.replace(/^(\S.*); \/\/ (\d+)$/gm, "console.log(($1) === $2);");
      assert.notEqual(claims, example, "no claim to check");
      assert.match(run("example.mjs", claims), /^(true\n)+$/);
    }
  });
}

test("the example of Node answers, and again from what it has kept", () => {
  const example = join(project, "example");
  cpSync(join(source, "../examples/node"), example, { recursive: true });
  const answer = (question) => {
    const args = ["start", "--silent", "--", ...question];
    return execFileSync("npm", args, { cwd: example, encoding: "utf8" });
  };
  assert.match(answer([]), /^0\.\d{3} Copper and iron are metals\.\n0\.\d{3} .+\n$/);
  assert.match(answer(["where do rivers go?"]), /^0\.\d{3} Rivers flow to the sea\.\n/);
  assert.ok(VectorStore.open(readFileSync(join(example, "lines.vcn"))).has("line-2"));
});

test("there is one version: of the package, of what it exports, and of the crates", () => {
  const manifest = (path) => JSON.parse(readFileSync(join(source, path), "utf8"));
  assert.equal(version, manifest("package.json").version);
  assert.equal(version, manifest("package-lock.json").version);
  const crates = readFileSync(join(source, "../../Cargo.toml"), "utf8");
  assert.equal(version, crates.match(/^\[workspace\.package\]\n(?:.+\n)*?version = "(.*)"$/m)?.[1]);
  for (const example of ["node", "vite"]) {
    const { dependencies } = manifest(`../examples/${example}/package.json`);
    assert.equal(dependencies.vicino, `^${version}`, example);
  }
});

test("the module names no folder of the machine it was built on", () => {
  const module = readFileSync(join(source, "dist/vicino_bg.wasm"), "latin1");
  for (const folder of [homedir(), fileURLToPath(new URL("../..", import.meta.url))]) {
    assert.ok(!module.includes(folder), folder);
  }
});

test("the package holds its module, its glue, its types, and nothing of ours", () => {
  const listed = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: source,
    encoding: "utf8",
  });
  const files = JSON.parse(listed)[0].files.map((file) => file.path);
  assert.deepEqual(files.sort(), [
    "README.md",
    "deno.js",
    "dist/LICENSE-APACHE",
    "dist/LICENSE-MIT",
    "dist/bytes.js",
    "dist/node.cjs",
    "dist/vicino.js",
    "dist/vicino_bg.wasm",
    "edge-light.js",
    "host.js",
    "index.d.cts",
    "index.d.ts",
    "inline.d.ts",
    "inline.js",
    "llms.txt",
    "load.js",
    "node.js",
    "package.json",
    "vicino.js",
    "web.js",
    "workerd.js",
  ]);
});
