// What the module has done in JavaScript: looking into the values of callers, and making values
// for them. Looking relies on what an object is, not on what it says of itself; making sets no
// property that somebody could have put a setter for on a prototype.

/** An error of Vicino: `code` is a stable word, further fields say what was expected and found. */
export class VicinoError extends Error {
  constructor(code, message, fields, cause) {
    super(message, cause === undefined ? undefined : { cause });
    define(this, { ...fields, code });
  }
}
Object.defineProperty(VicinoError.prototype, "name", {
  value: "VicinoError",
  configurable: true,
  writable: true,
});

function define(object, values) {
  for (const key of Object.keys(values)) {
    const value = values[key];
    Object.defineProperty(object, key, {
      value, configurable: true, enumerable: true, writable: true,
    });
  }
}

export const error = (code, message, fields, position, cause) =>
  new VicinoError(code, message, { ...fields, ...of(position, fields) }, cause);

// Of one of several: where it is among them, and where in it.
const of = (position, fields) =>
  position !== undefined && { position, ...given("index", fields?.position) };

// The accessors that every typed array has, whatever properties it was given.
const prototype = Object.getPrototypeOf(Uint8Array.prototype);
const accessor = (name) => Object.getOwnPropertyDescriptor(prototype, name).get;
const tag = accessor(Symbol.toStringTag);
const buffer = accessor("buffer");
const byteOffset = accessor("byteOffset");
const length = accessor("length");

const view = (Type, array) =>
  new Type(buffer.call(array), byteOffset.call(array), length.call(array));

export function fields(value, plain) {
  if (typeof value !== "object" || value === null || Array.isArray(value) || tag.call(value)) {
    return undefined;
  }
  if (plain) {
    const parent = Object.getPrototypeOf(value);
    if (parent !== null && Object.getPrototypeOf(parent) !== null) return undefined;
  }
  const flat = [];
  for (const key of Object.keys(value)) flat.push(key, value[key]);
  return flat;
}

export function items(value, most) {
  if (!Array.isArray(value)) return undefined;
  const length = value.length;
  if (length > most) return length;
  const copy = [];
  for (let i = 0; i < length; i++) copy.push(value[i]);
  return copy;
}

// Longer than any vector: an array of numbers is read one by one.
const NUMBERS_MAX = 65_536;

export function floats(value) {
  if (tag.call(value) === "Float32Array") return view(Float32Array, value);
  if (tag.call(value) === "Float64Array") return new Float32Array(view(Float64Array, value));
  if (!Array.isArray(value)) return undefined;
  const numbers = items(value, NUMBERS_MAX);
  if (typeof numbers === "number" || !numbers.every((x) => typeof x === "number")) return undefined;
  return new Float32Array(numbers);
}

export function bytes(value) {
  const kind = tag.call(value);
  if (kind === "Uint8Array") return view(Uint8Array, value);
  if (kind) return undefined;
  try {
    // Throws for what is no buffer; that is all it is asked for.
    byteLength.call(value);
    return new Uint8Array(value);
  } catch {
    return undefined;
  }
}
const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength").get;

const half = /\p{Surrogate}/u;
export const isWellFormed = (text) => !half.test(text);

export const random = (bytes) => void crypto.getRandomValues(bytes);

export const key = (scope, id) => ({ scope, id });

// What is not there is no property, rather than one that is undefined.
const given = (name, value) => value !== undefined && { [name]: value };

export const result = (scope, id, score, distance, metadata, content, vector) => ({
  id,
  scope,
  score,
  distance,
  ...(metadata !== undefined && { metadata: JSON.parse(metadata) }),
  ...given("content", content),
  ...given("vector", vector && vector.slice()),
});

export const entry = (scope, id, vector, metadata, content, ...times) => ({
  id,
  scope,
  vector: vector.slice(),
  metadata: JSON.parse(metadata),
  ...given("content", content),
  ...given("createdAt", times[0]),
  ...given("updatedAt", times[1]),
  ...given("eventTime", times[2]),
  ...given("expiresAt", times[3]),
});

export function results(text, ends, scores, distances, counts) {
  const ids = [];
  let start = 0;
  for (const end of ends) {
    ids.push(text.slice(start, end));
    start = end;
  }
  return {
    ids,
    scores: scores.slice(),
    distances: distances.slice(),
    counts: counts.slice(),
  };
}
