/** Request ids: version 4 UUIDs (RFC 9562 section 5.4) from the thread's own randomness, written without a string. They identify, they authenticate nothing. */
const digits = '0123456789abcdef';
const dashes = new Set([8, 13, 18, 23]);

export function requestIdSource(random: () => number): () => Uint8Array {
  return () => {
    const id = new Uint8Array(36);
    let bits = 0;
    let left = 0;
    for (let i = 0; i < 36; i++) {
      if (dashes.has(i)) {
        id[i] = 45;
        continue;
      }
      if (left === 0) {
        bits = Math.floor(random() * 0x1000_0000);
        left = 7;
      }
      let nibble = bits & 15;
      bits >>>= 4;
      left--;
      if (i === 14) nibble = 4;
      if (i === 19) nibble = (nibble & 3) | 8;
      id[i] = digits.charCodeAt(nibble);
    }
    return id;
  };
}
