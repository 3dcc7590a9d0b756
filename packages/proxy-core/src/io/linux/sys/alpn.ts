/**
 * The server's choice of an ALPN protocol (RFC 7301 section 3.2). OpenSSL leaves it to a C callback; ours is called inside `SSL_do_handshake`, on this thread,
 * once a handshake in which the client offered protocols.
 */
import { type NativeCallback, nativeCallback } from './library.js';
import { copyFrom, storeByte, storePointer } from './memory.js';
import * as ssl from './openssl.js';

/** Lets the context choose the first of `preferences` that the client offers; a client that offers only others gets the alert no_application_protocol. */
export function chooseAlpnOnServer(context: number, preferences: readonly string[]): NativeCallback {
  const callback = nativeCallback(ssl.alpnChoiceType, (_session, out, outLength, offered, offeredLength) => {
    // An error must not cross the C frames of OpenSSL.
    try {
      const list = copyFrom(offered, offeredLength);
      const at = indexOfChoice(list, preferences);
      if (at < 0) return ssl.SSL_TLSEXT_ERR_ALERT_FATAL;
      // The choice may point into what the client offered: OpenSSL copies it at once.
      storePointer(out, offered + at + 1);
      storeByte(outLength, list[at]);
      return ssl.SSL_TLSEXT_ERR_OK;
    } catch {
      return ssl.SSL_TLSEXT_ERR_ALERT_FATAL;
    }
  });
  ssl.SSL_CTX_set_alpn_select_cb(context, callback.address, 0);
  return callback;
}

/** Index of the length byte of the most preferred protocol in a ProtocolNameList, -1 when it offers none. Pure. */
export function indexOfChoice(offered: Uint8Array, preferences: readonly string[]): number {
  for (const preference of preferences) {
    for (let at = 0; at < offered.length; at += 1 + offered[at]) {
      const end = at + 1 + offered[at];
      if (end <= offered.length && Buffer.from(offered.subarray(at + 1, end)).toString('latin1') === preference)
        return at;
    }
  }
  return -1;
}
