import type { Answer, DecodedPacket, Packet, Question } from 'dns-packet';
import { dnsTtlSeconds } from '../limits.js';
import { clusterDomain, type DnsZone } from './zone.js';

const authoritativeAnswer = 1 << 10;
/** Opcode 0 is a standard query. */
const opcodeMask = 0xf << 11;
const nameError = 3;
const notImplemented = 4;

/**
 * The answer to one DNS question (RFC 1035), pure. A name of the cluster that exists but has no record of the type asked is
 * answered empty (a client that gets NXDOMAIN for AAAA would give up on A too); names outside the cluster do not exist,
 * because pods cannot reach the world outside: an immediate NXDOMAIN is better than a wait.
 * `rotate` turns the list of a headless service, so that clients that take the first address spread out.
 */
export function answerDns(
  query: Pick<DecodedPacket, 'id' | 'flags' | 'questions'>,
  zone: DnsZone,
  rotate: number,
): Packet {
  const questions = query.questions ?? [];
  const question = questions[0];
  const flags = ((query.flags ?? 0) & 0x0100) | authoritativeAnswer;
  const reply = { type: 'response' as const, id: query.id, questions: questions.slice(0, 1) };
  if (question === undefined || ((query.flags ?? 0) & opcodeMask) !== 0)
    return { ...reply, flags: flags | notImplemented };
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const found = records(question, name, zone, rotate);
  if (found === null) return { ...reply, flags: flags | nameError, authorities: [startOfAuthority] };
  if (found.length === 0) return { ...reply, flags, authorities: [startOfAuthority] };
  return { ...reply, flags, answers: found };
}

/** Null when the name does not exist at all. The name is answered as it was asked, upper case included. */
function records(question: Question, name: string, zone: DnsZone, rotate: number): Answer[] | null {
  const asked = question.name;
  const addresses = zone.addresses.get(name);
  const services = zone.services.get(name);
  const pointer = zone.pointers.get(name);
  const answers: Answer[] = [];
  if (addresses !== undefined && question.type === 'A') {
    const turn = addresses.length === 0 ? 0 : rotate % addresses.length;
    for (const data of [...addresses.slice(turn), ...addresses.slice(0, turn)]) {
      answers.push({ type: 'A', name: asked, ttl: dnsTtlSeconds, data });
    }
  }
  if (services !== undefined && question.type === 'SRV') {
    for (const { target, port } of services) {
      answers.push({ type: 'SRV', name: asked, ttl: dnsTtlSeconds, data: { target, port, priority: 0, weight: 100 } });
    }
  }
  if (pointer !== undefined && question.type === 'PTR') {
    answers.push({ type: 'PTR', name: asked, ttl: dnsTtlSeconds, data: pointer });
  }
  const exists = addresses !== undefined || services !== undefined || pointer !== undefined || zone.parents.has(name);
  return exists ? answers : null;
}

const startOfAuthority: Answer = {
  type: 'SOA',
  name: clusterDomain,
  ttl: dnsTtlSeconds,
  data: {
    mname: `ns.dns.${clusterDomain}`,
    rname: `hostmaster.${clusterDomain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: dnsTtlSeconds,
  },
};
