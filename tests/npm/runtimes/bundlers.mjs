// The project as servers and bundlers give it to a browser. All take what is to be done while it
// is served, and return what that returns.
import { readFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { build as esbuild } from "esbuild";
import * as vite from "vite";
import webpack from "webpack";
import { project } from "./project.mjs";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A folder of the project as files. */
export async function serve(folder, use) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const name = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    try {
      const file = await readFile(join(project.path(folder), name));
      response.setHeader("content-type", TYPES[extname(name)] ?? "application/octet-stream");
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const quiet = () => ({ root: project.folder, configFile: false, logLevel: "error" });

export async function serveVite(use) {
  const server = await vite.createServer({ ...quiet(), server: { host: "127.0.0.1", port: 0 } });
  try {
    await server.listen();
    return await use(`http://127.0.0.1:${server.httpServer.address().port}`);
  } finally {
    await server.close();
  }
}

export function buildVite(use) {
  const input = project.path("bundled.html");
  return built({ ...quiet(), build: { outDir: "vite", rolldownOptions: { input } } }, use);
}

/** A folder of the project that has all that Vite asks for. */
export const viteIn = (folder, use) => built({ ...quiet(), root: project.path(folder) }, use);

async function built(config, use) {
  await vite.build(config);
  const server = await vite.preview({ ...config, preview: { host: "127.0.0.1", port: 0 } });
  try {
    return await use(`http://127.0.0.1:${server.httpServer.address().port}`);
  } finally {
    await server.close();
  }
}

export async function buildWebpack(use) {
  const compiler = webpack({
    mode: "production",
    context: project.folder,
    entry: "./page.mjs",
    output: { path: project.path("webpack") },
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, stats) => (error ? reject(error) : resolve(stats))),
  );
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
  await new Promise((resolve) => compiler.close(resolve));
  const html = '<!doctype html><script src="main.js"></script>';
  writeFileSync(project.path("webpack/index.html"), html);
  return serve("webpack", use);
}

export async function buildEsbuild(entry, use) {
  const folder = `esbuild-${entry}`;
  await esbuild({
    absWorkingDir: project.folder,
    entryPoints: [entry],
    outfile: `${folder}/main.js`,
    bundle: true,
    minify: true,
    format: "esm",
    loader: { ".wasm": "file" },
    logLevel: "error",
  });
  const html = '<!doctype html><script type="module" src="main.js"></script>';
  writeFileSync(project.path(`${folder}/index.html`), html);
  return serve(folder, use);
}
