import { open } from 'node:fs/promises';
import { MAX_TOKEN_BYTES } from '../limits.js';

/** The token cannot be used. The message names the file, and never holds the token. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError';
}

/**
 * Reads a projected service-account token. Read it each time it is needed: whoever projects it renews the file.
 * @throws TokenFileError
 */
export async function readToken(path: string): Promise<string> {
  const bytes = await readBounded(path).catch((cause: NodeJS.ErrnoException) => {
    throw new TokenFileError(
      `the token file ${path} cannot be read (${cause.code ?? cause.message}): check that it is projected and readable`,
      {
        cause,
      },
    );
  });
  const token = bytes.toString('latin1').trim();
  if (bytes.length > MAX_TOKEN_BYTES)
    throw new TokenFileError(`the token file ${path} is longer than ${MAX_TOKEN_BYTES} bytes`);
  // Three parts of base64url (RFC 7519); anything else could also break out of the header that it is sent in.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw new TokenFileError(`the token file ${path} ${token === '' ? 'is empty' : 'holds no token (a JWT)'}`);
  }
  return token;
}

async function readBounded(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_TOKEN_BYTES + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
