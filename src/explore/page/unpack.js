// Unpacks the arrays of the page: base 85, deflate, planes of bytes; the other half of
// src/explore/packing.py.

const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const NUMBERS = { u1: Uint8Array, u2: Uint16Array, f2: Uint16Array, f4: Float32Array };

/**
 * The array of the block with this id, as numbers of `kind`; throws if the block is damaged.
 * @param {string} id
 * @param {string} kind
 * @returns {Promise<import("./types.js").Numbers>}
 */
export async function unpack(id, kind) {
  const bytes = await inflate(fromBase85(document.getElementById(id)?.textContent ?? ""));
  const Numbers = NUMBERS[/** @type {keyof typeof NUMBERS} */ (kind)];
  const size = Numbers.BYTES_PER_ELEMENT;
  const length = bytes.length / size;
  const joined = new Uint8Array(bytes.length); // the first plane has the lowest byte of each number
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0; i < length; i++) joined[i * size + plane] = bytes[plane * length + i];
  }
  const numbers = new Numbers(joined.buffer);
  return kind === "f2" ? widened(/** @type {Uint16Array} */ (numbers)) : numbers;
}

/** @param {string} text */
function fromBase85(text) {
  const values = new Uint8Array(128).fill(85);
  for (let i = 0; i < 85; i++) values[ALPHABET.charCodeAt(i)] = i;
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  const whole = text.padEnd((bytes.length / 4) * 5, ALPHABET[84]);
  for (let at = 0, to = 0; at < whole.length;) {
    let number = 0;
    for (const end = at + 5; at < end; at++) {
      const value = values[whole.charCodeAt(at)];
      if (!(value < 85)) throw new Error("a character that is not base 85");
      number = number * 85 + value;
    }
    for (let shift = 24; shift >= 0; shift -= 8) bytes[to++] = number >>> shift;
  }
  return bytes.subarray(0, bytes.length - ((5 - (text.length % 5)) % 5));
}

/**
 * The stream compares a checksum, and throws where a byte is wrong or missing.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Float16 -> float32, by a table of all there are: Float16Array is too new for many browsers.
 * @param {Uint16Array} numbers
 */
function widened(numbers) {
  const table = Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromFloat16(bits));
  const wide = new Float32Array(numbers.length);
  for (let i = 0; i < wide.length; i++) wide[i] = table[numbers[i]];
  return wide;
}

/** @param {number} bits */
function fromFloat16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : (sign * fraction) / 2 ** 24;
}
