import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** What an operator can do about it; stable, for programs. */
export type InterceptionErrorCode =
  | 'no-privilege'
  | 'no-kernel-support'
  | 'unsupported-host'
  | 'proxy-uid-unmapped'
  | 'kernel-busy'
  | 'kernel-silent'
  | 'kernel-refused';

/** The rules were not set or removed. Unless the code is `kernel-silent`, the namespace is as it was before. */
export class InterceptionError extends Error {
  readonly code: InterceptionErrorCode;
  /** Positive errno of the call or of the kernel's answer; 0 where there is none. */
  readonly errno: number;
  constructor(code: InterceptionErrorCode, what: string, remedy: string, errno = 0) {
    super(`${what}; ${remedy}`);
    this.name = 'InterceptionError';
    this.code = code;
    this.errno = errno;
  }
}

const {
  EPERM,
  EACCES,
  ENOENT,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  EAFNOSUPPORT,
  ENOBUFS,
  ENOMEM,
  EMSGSIZE,
  EAGAIN,
  EBUSY,
  EMFILE,
} = constants.errno;
const { ENFILE } = constants.errno;

const PRIVILEGE = 'run it with CAP_NET_ADMIN in the network namespace (root, or unshare -Urn)';
const KERNEL =
  'the kernel needs nf_tables with nft_chain_nat and nft_redir (modprobe nft_redir, CONFIG_NFT_REDIR); on one without, feed `tulle interception render --format iptables` to iptables-restore --noflush';

/**
 * Error for an errno of a system call or of the kernel's answer.
 * @param what what was tried: `add rule to output: ...`, or the name of the system call
 * @param detail the kernel's own words, if it said any
 */
export function kernelError(errno: number, what: string, detail = ''): InterceptionError {
  const says = `${what}: ${errno > 0 ? getSystemErrorName(-errno) : 'no errno'}${detail === '' ? '' : ` (${detail})`}`;
  const error = (code: InterceptionErrorCode, remedy: string) => new InterceptionError(code, says, remedy, errno);
  switch (errno) {
    case EPERM:
    case EACCES:
      return error('no-privilege', PRIVILEGE);
    case ENOENT:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return error('no-kernel-support', KERNEL);
    case EBUSY:
      return error(
        'no-kernel-support',
        'a kernel before 4.18 keeps NAT to one of iptables and nf_tables: unload iptable_nat',
      );
    case ENOBUFS:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return error('kernel-busy', 'the machine is short of memory or descriptors: free some and apply again');
    case EMSGSIZE:
      return error(
        'kernel-refused',
        'the rules exceed one netlink message: exclude fewer, or raise net.core.wmem_default',
      );
    case EAGAIN:
      return error(
        'kernel-silent',
        'the kernel did not answer in time, so whether it took the rules is unknown: apply again',
      );
    default:
      return error('kernel-refused', 'compare `tulle interception render --format nft` with what this kernel can do');
  }
}
