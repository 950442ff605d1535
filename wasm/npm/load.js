// The module: where it comes from, and whether it is there.
import init, { initSync } from "./dist/vicino.js";
import { VicinoError } from "./host.js";

// A module that needs 128-bit vectors, and does nothing.
const PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
  15, 253, 98, 11,
);

let loaded = false;

/** Settings of the place that the package runs in. */
export const place = { memoryLimit: 2 ** 31 };

/** Fetches, compiles and starts the module, once; what it is may be said. */
export async function load(module) {
  if (loaded) return;
  check();
  await init(module === undefined ? undefined : { module_or_path: module });
  loaded = true;
}

/** Starts a module of which the bytes, or the compiled form, are there. */
export function loadSync(module) {
  check();
  initSync({ module });
  loaded = true;
}

export function assertLoaded() {
  if (loaded) return;
  throw new VicinoError("not_initialized", "the module is not there yet; `await init()` first");
}

function check() {
  if (WebAssembly.validate(PROBE)) return;
  const message = "this engine has no 128-bit vectors (simd128); use one of 2021 or later, " +
    "Safari from 16.4 on";
  throw new VicinoError("simd_unavailable", message);
}
