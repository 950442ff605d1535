// Runtimes at the edge. They compile no module that comes as bytes, so a build hands them one.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { EdgeVM } from "@edge-runtime/vm";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { binary, project } from "./project.mjs";

/** Long before what is installed: nothing new is relied on. */
const COMPATIBLE = "2024-09-01";

const module = () => readFileSync(project.path("node_modules/vicino/dist/vicino_bg.wasm"));

/** A program as one file, resolved under a condition; a plugin says what a module is. */
async function bundle(entry, condition, format, plugin) {
  const { outputFiles } = await build({
    absWorkingDir: project.folder,
    entryPoints: [entry],
    bundle: true,
    conditions: [condition],
    format,
    plugins: [{ name: "module", setup: plugin }],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
}

export async function miniflare() {
  const script = await bundle("worker.mjs", "workerd", "esm", (build) =>
    build.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./vicino_bg.wasm", external: true })),
  );
  const modules = {
    "worker.mjs": { type: "esm", contents: script },
    "vicino_bg.wasm": { type: "wasm", contents: module() },
  };
  const manifest = { mainModule: "worker.mjs", modulesRoot: project.folder, modules };
  const worker = new Miniflare({
    workers: [{ config: { name: "vicino", compatibilityDate: COMPATIBLE, manifest } }],
  });
  try {
    return await (await worker.dispatchFetch("http://localhost/")).json();
  } finally {
    await worker.dispose();
  }
}

/** The whole way of a user: wrangler resolves, bundles and serves by itself. */
export async function wrangler() {
  const settings = { name: "vicino", main: "worker.mjs", compatibility_date: COMPATIBLE };
  writeFileSync(project.path("wrangler.json"), JSON.stringify(settings));
  const args = ["dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0", "--log-level"];
  const server = spawn(process.execPath, [binary("wrangler"), ...args, "log"], {
    cwd: project.folder,
    detached: true, // so that the whole group of its processes can be ended
    env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = () => process.kill(-server.pid, "SIGTERM");
  const late = setTimeout(end, 60_000);
  const ended = new Promise((resolve) => server.on("exit", resolve));
  try {
    const url = await new Promise((resolve, reject) => {
      let said = "";
      const listen = (text) => {
        said += text;
        const ready = said.match(/Ready on (http:\S+)/);
        if (ready) resolve(ready[1]);
      };
      server.stdout.setEncoding("utf8").on("data", listen);
      server.stderr.setEncoding("utf8").on("data", listen);
      ended.then((status) => reject(new Error(`wrangler ended (${status}):\n${said}`)));
    });
    return await (await fetch(url)).json();
  } finally {
    clearTimeout(late);
    if (server.exitCode === null && server.signalCode === null) end();
    await ended;
  }
}

export async function edgeRuntime() {
  const script = await bundle("edge.mjs", "edge-light", "iife", (build) => {
    build.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: "module" }));
    build.onLoad({ filter: /./, namespace: "module" }, () => ({
      contents: "export default globalThis.module;",
    }));
  });
  const vm = new EdgeVM();
  // Compiled inside, where WebAssembly.Module is another one than here.
  vm.context.bytes = module();
  vm.evaluate("globalThis.module = new WebAssembly.Module(bytes)");
  vm.evaluate(script);
  return await vm.evaluate("ask()");
}
