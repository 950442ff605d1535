// The package as each runtime and bundler gets it: packed, installed into an empty project, and
// asked all of `../../golden/conformance.json`. A runtime more is a line of the table below.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { browser } from "./browsers.mjs";
import { buildEsbuild, buildVite, buildWebpack, serve, serveVite, viteIn } from "./bundlers.mjs";
import { edgeRuntime, miniflare, wrangler } from "./edge.mjs";
import { install, manage, node, project, tool } from "./project.mjs";

const golden = new URL("../../golden/conformance.json", import.meta.url);
const cases = JSON.parse(readFileSync(golden));
const calls = cases.reduce((sum, { steps }) => sum + steps.length, 0);
const [chromium, firefox] = [browser("chrome", "chromium"), browser("firefox", "firefox-esr")];

const runtimes = {
  "Node 20, import": () => node(20, "main.mjs"),
  "Node 20, require": () => node(20, "main.cjs"),
  "Node 20, require without ES modules": () =>
    node(20, "--no-experimental-require-module", "main.cjs"),
  "Node 22, import": () => node(22, "main.mjs"),
  "Node 22, require": () => node(22, "main.cjs"),
  "Node 24, import": () => node(24, "main.mjs"),
  "Node 24, require": () => node(24, "main.cjs"),
  "Node 24, inline": () => node(24, "inline.mjs"),
  // It may read what it imports, and nothing else: no permission is granted.
  "Deno": () => tool("deno", "run", "--no-prompt", "--node-modules-dir=manual", "main.mjs"),
  "Bun, import": () => tool("bun", "main.mjs"),
  "Bun, require": () => tool("bun", "main.cjs"),
  "workerd in Miniflare": miniflare,
  "workerd in wrangler dev": wrangler,
  "edge runtime": edgeRuntime,
  "Chromium, bare page": () => serve(".", (url) => chromium.open(`${url}/page.html`)),
  "Chromium, bare page, a Response": () => serve(".", (url) => chromium.open(`${url}/given.html`)),
  "Chromium, Vite dev": () => serveVite((url) => chromium.open(`${url}/bundled.html`)),
  "Chromium, Vite build": () => buildVite((url) => chromium.open(`${url}/bundled.html`)),
  "Chromium, webpack": () => buildWebpack((url) => chromium.open(url)),
  "Chromium, esbuild, inline": () => buildEsbuild("inline.page.mjs", (url) => chromium.open(url)),
  "Chromium, esbuild, a URL": () => buildEsbuild("url.page.mjs", (url) => chromium.open(url)),
  "Firefox, bare page": () => serve(".", (url) => firefox.open(`${url}/page.html`)),
  "Firefox, esbuild, inline": () => buildEsbuild("inline.page.mjs", (url) => firefox.open(url)),
};

before(() => install(cases));
after(async () => {
  await Promise.all([chromium.close(), firefox.close()]);
  project.remove();
});

for (const [name, answer] of Object.entries(runtimes)) {
  test(name, { timeout: 90_000 }, async () => {
    assert.equal(await answer(), calls);
  });
}

for (const release of [20, 22, 24]) {
  // Two copies of the package would be two memories, and classes that do not know each other.
  test(`Node ${release}, import and require give one package`, async () =>
    assert.equal(await node(release, "same.cjs"), true));
}

test("Chromium, the example of Vite", { timeout: 90_000 }, async () => {
  const near = 'document.querySelector("#found").innerText';
  const picked = `(color.value = "#ff0000", color.oninput(), ${near})`;
  await viteIn("example", async (url) => {
    assert.equal(await chromium.open(url, near), "seagreen\nteal\nolive");
    assert.equal(await chromium.open(url, `${near} && ${picked}`), "crimson\ncoral\nolive");
  });
});

// What the types and the manifest promise is what resolves.
test("publint", () => manage("publint", "run", "--strict", project.tarball));
test("are the types wrong", () =>
  manage("attw", project.tarball, "--entrypoints", ".", "--no-color"));
// These are for browsers and bundlers, which have ES modules.
test("are the types wrong, ES modules alone", () =>
  manage("attw", project.tarball, "--entrypoints", "web", "inline", "--no-color",
    "--profile", "esm-only"));
