import type net from 'node:net';

/**
 * `socket.resetAndDestroy()`, but for the moment in which a FIN is on its way: libuv refuses a reset then (EINVAL of uv_tcp_close_reset), and node loses the descriptor.
 * Such a socket is closed: all that was written has gone before its FIN, and what the peer still sends is answered with an RST.
 */
export function resetAndDestroy(socket: net.Socket): void {
  // node sends the FIN when everything written has gone, and says that it is finished when the FIN has.
  const sendsFin = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (sendsFin) socket.destroy();
  else socket.resetAndDestroy();
}
