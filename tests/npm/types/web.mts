// What must compile where there are streams, responses and signals.
import init, { VectorStore } from "vicino";

declare const response: Response;
declare const store: VectorStore;

await init(response);
await init(fetch("vicino_bg.wasm"));
await init(new URL("vicino_bg.wasm", "https://example.com"));
await init(new Uint8Array(8));
await init(await WebAssembly.compile(new Uint8Array(8)));

new Response(store.snapshotStream());
new Response(store.snapshot());
new Blob([store.snapshot(), store.get("a")!.vector]);
const zipped = store.snapshotStream().pipeThrough(new CompressionStream("gzip"));
const opened: VectorStore = await VectorStore.openStream(zipped, { byteLength: 10 });
await VectorStore.openStream(store.snapshotStream());
if (response.body) await VectorStore.openStream(response.body, { verify: "structure" });
await opened.insertInChunks([], { signal: AbortSignal.timeout(1000) });
