/** The pcap file format (draft-ietf-opsawg-pcap), little endian, microseconds, Ethernet. */

/** Most bytes of one packet: the largest a veth hands over with segmentation offload. */
export const snapLength: number = 65_536 + 64;

const magic = 0xa1b2c3d4;
const linkTypeEthernet = 1;

export function pcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(magic, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(snapLength, 16);
  header.writeUInt32LE(linkTypeEthernet, 20);
  return header;
}

/** One packet with its header; `timeMs` is milliseconds since the epoch. */
export function pcapPacket(packet: Buffer, timeMs: number): Buffer {
  const record = Buffer.alloc(16 + packet.length);
  record.writeUInt32LE(Math.floor(timeMs / 1000), 0);
  record.writeUInt32LE((timeMs % 1000) * 1000, 4);
  record.writeUInt32LE(packet.length, 8);
  record.writeUInt32LE(packet.length, 12);
  packet.copy(record, 16);
  return record;
}
