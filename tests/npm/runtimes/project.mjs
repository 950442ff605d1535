// An empty project that the packed package is installed into, and the programs that ask it.
import { execFile } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vicino-runtimes-"));

export const project = {
  folder,
  path: (name) => join(folder, name),
  remove: () => rmSync(folder, { recursive: true }),
};

/** What every program does; what goes wrong is an answer, too. */
const answer = `import { conformance } from "./conformance.mjs";
import { platform } from "./platform.mjs";
import cases from "./cases.mjs";

export async function answer(vicino, given) {
  try {
    await vicino.default(given);
    await platform(vicino);
    return conformance(vicino, cases);
  } catch (error) {
    return String(error.stack ?? error);
  }
}`;

/** The start of a program that imports the package under a name, and has a module for `init`. */
const ask = (name, given = "") => `import * as vicino from "${name}";
import { answer } from "./answer.mjs";
const ask = () => answer(vicino, ${given});
`;

const print = "ask().then((calls) => console.log(JSON.stringify(calls)));";
const show = "ask().then((calls) => (globalThis.calls = calls));";

const page = (script, map = "") => `<!doctype html><meta charset="utf-8">
<link rel="icon" href="data:,">${map}
<script type="module" src="./${script}"></script>`;
const bare = `<script type="importmap">
{ "imports": { "vicino": "/node_modules/vicino/web.js" } }</script>`;

const files = {
  "package.json": '{ "private": true }',
  "answer.mjs": answer,
  "main.mjs": ask("vicino") + print,
  "inline.mjs": ask("vicino/inline") + print,
  "main.cjs": `const vicino = require("vicino");
const ask = () => import("./answer.mjs").then(({ answer }) => answer(vicino));
${print}`,
  "same.cjs": `const { VectorStore } = require("vicino");
import("vicino").then((vicino) => console.log(vicino.VectorStore === VectorStore));`,
  "worker.mjs": `${ask("vicino")}export default { fetch: async () => Response.json(await ask()) };`,
  "edge.mjs": `${ask("vicino")}globalThis.ask = ask;`,
  "page.mjs": ask("vicino") + show,
  "given.mjs": ask("vicino", 'fetch("/node_modules/vicino/dist/vicino_bg.wasm")') + show,
  "inline.page.mjs": ask("vicino/inline") + show,
  "url.page.mjs": `import url from "vicino/vicino_bg.wasm";\n${ask("vicino", "url")}${show}`,
  "page.html": page("page.mjs", bare),
  "given.html": page("given.mjs", bare),
  "bundled.html": page("page.mjs"),
};

/** Packs the package and installs it and others, with the cases and all programs beside it. */
export async function install(cases, others = []) {
  const quiet = ["--silent", "--no-audit", "--no-fund"];
  const packed = await execute("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: here("../../../wasm/npm"),
  });
  project.tarball = project.path(packed.trim());
  for (const [name, text] of Object.entries(files)) writeFileSync(project.path(name), text);
  writeFileSync(project.path("cases.mjs"), `export default ${JSON.stringify(cases)};`);
  for (const file of ["../conformance.mjs", "platform.mjs"]) {
    copyFileSync(here(file), project.path(basename(file)));
  }
  cpSync(here("../../../wasm/examples/vite"), project.path("example"), { recursive: true });
  await execute("npm", ["install", ...quiet, project.tarball, ...others], { cwd: folder });
}

/** The path of a tool that `npm ci` has installed. */
export const binary = (name) => here(`node_modules/.bin/${name}`);

/** What a program prints in a release of Node. */
export const node = (release, ...args) => said(here(`node_modules/node${release}/bin/node`), args);

/** What a program prints in another runtime. */
export const tool = (name, ...args) => said(binary(name), args);

/** Runs a program that has to end well, and passes over what it prints. */
export const manage = async (name, ...args) => void (await execute(binary(name), args));

/** What a program prints, which may take some milliseconds. */
export const said = async (program, args, timeout) =>
  JSON.parse(await execute(program, args, { cwd: folder, timeout }));

async function execute(program, args, { timeout = 60_000, ...options } = {}) {
  try {
    return (await promisify(execFile)(program, args, { ...options, timeout })).stdout;
  } catch (error) {
    // What it said says more than that it failed.
    throw new Error(`${program} failed (${error.code}):\n${error.stdout}${error.stderr}`);
  }
}
