// The calls of `tests/golden/conformance.json`, made in whatever runtime this runs in: each must
// give what it gave natively, the bits of scores and the order of results included.

/** Runs all cases and says how many calls there were; the first that gives something else throws. */
export function conformance({ VectorStore, VicinoError }, cases) {
  let calls = 0;
  for (const { options, steps } of cases) {
    let store = new VectorStore(options);
    for (const [at, { do: call, args, expect }] of steps.entries()) {
      let found;
      try {
        if (call === "reopen") {
          const bytes = store.snapshot();
          store.dispose();
          store = VectorStore.open(bytes);
          found = null;
        } else {
          found = plain(call, store[call](...args.map(read)));
        }
      } catch (error) {
        if (!(error instanceof VicinoError)) throw error;
        found = { error: error.code };
      }
      const [is, should] = [JSON.stringify(found), JSON.stringify(sorted(expect))];
      if (is !== should) {
        throw new Error(`${options.metric}, call ${at} (${call}): expected ${should}, found ${is}`);
      }
      calls += 1;
    }
    store.dispose();
  }
  return calls;
}

/** An argument, with the vectors and entries that it stands for. */
function read(argument) {
  if (argument?.$entries) return entries(argument);
  if (Array.isArray(argument)) return argument.map(read);
  const seed = argument?.vector?.$vector;
  return seed === undefined ? argument : { ...argument, vector: vector(seed) };
}

function vector(seed) {
  const value = (at) => (seed * 7919 + at * 104729 + seed * at * 31) % 2003;
  return Float32Array.from({ length: 20 }, (_, at) => (value(at) - 1001) / 500);
}

function entries({ $entries: [start, end], scope }) {
  return Array.from({ length: end - start }, (_, i) => {
    const seed = start + i;
    return {
      id: String(seed),
      vector: vector(seed),
      scope,
      metadata: {
        n: seed,
        kind: ["guide", "note", "caf\u00e9"][seed % 3],
        tags: [seed % 5, "all"],
        half: 0.5,
      },
      content: seed % 10 === 0 ? `text ${seed}` : undefined,
      eventTime: seed,
      expiresAt: seed % 9 === 0 ? 8e12 : undefined,
    };
  });
}

/** What a call gave, as JSON says it. */
function plain(call, found) {
  if (call === "insert") return found.length;
  return sorted(found ?? null);
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (ArrayBuffer.isView(value)) return [...value];
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
