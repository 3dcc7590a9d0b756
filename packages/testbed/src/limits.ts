/**
 * Every bound of the testbed: its default, why that value, and what happens at it.
 */

/** Setting up namespaces, bridge and addresses: under a second, several on a loaded machine. Past it: `up` fails and says which command hung. */
export const networkDeadlineMs = 60_000;

/** From the start of the control plane to its `/ready`. Node and gRPC start in under 2 s, in 20 on a loaded machine. Past it: `up` fails with the end of its log. */
export const controlPlaneReadyDeadlineMs = 60_000;

/** From the start of a sidecar to its `/ready` (certificate and first configuration). Past it: `up` fails with the end of its log. */
export const sidecarReadyDeadlineMs = 60_000;

/** From the last pod's readiness until all sidecars know of it; takes some 200 ms, seconds on a loaded machine. Past it: a notice, and `up` is done all the same. */
export const settleDeadlineMs = 10_000;

/** `tulle interception apply` for one pod. Past it: `up` fails and shows what it printed. */
export const interceptionDeadlineMs = 60_000;

/** How long a container may take until its declared TCP ports listen. Past it: the pod is shown as not ready, the testbed goes on. */
export const applicationListenDeadlineMs = 30_000;

/** Between SIGTERM and SIGKILL when something is stopped. Long enough for a drain of open requests, short enough for `down`. */
export const stopGraceMs = 10_000;

/** Between two looks at something that cannot notify us (a port, a health endpoint). Costs next to nothing at this pace. */
export const pollIntervalMs = 50;

/** One HTTP question to a health endpoint. Past it: counted as no answer. */
export const probeTimeoutMs = 1_000;

/** One HTTP question to an admin page of the control plane, on which `status` waits. Past it: `status` tells what the testbed knows by itself. */
export const adminTimeoutMs = 5_000;

/** A pod that was ready is so until this many looks in a row find that it is not, as Kubernetes' failureThreshold has it: one late answer of a busy machine takes no endpoint away. */
export const readinessFailures = 3;

/** A program that ends by itself is started again after this, doubled each time up to the maximum, as the kubelet does. */
export const restartBackoffMs = 500;
export const maxRestartBackoffMs = 30_000;
/** A program that ran this long starts its back-off anew. */
export const restartBackoffResetMs = 60_000;

/** Edits come in bursts (an editor writes, renames, touches): wait this long after the last one. */
export const configDebounceMs = 100;

/** One request line on the keeper's socket. Requests are small; past it the connection is closed. */
export const maxRequestBytes: number = 1 << 20;

/** How long a command waits for the keeper to answer a question that needs no work. Past it: the command fails and says so. */
export const keeperAnswerDeadlineMs = 30_000;

/** How long `down` and an interrupted `up` wait for the keeper to end by itself before they kill it. */
export const keeperEndDeadlineMs = 30_000;

/** A log file longer than this is cut to nothing, with a line that says so: a testbed left alone must not fill a disk. */
export const maxLogBytes: number = 64 << 20;
/** How often log sizes are looked at. */
export const logCheckIntervalMs = 10_000;

/** With less than this free, some log lines no longer fit. Then `status` says so. */
export const minFreeBytes: number = 64 << 10;

/** A capture longer than this ends by itself and says so. */
export const maxCaptureBytes: number = 256 << 20;
/** How often the capture socket is emptied; its kernel buffer holds far more than arrives in this time. */
export const captureIntervalMs = 5;
/** Kernel buffer of the capture socket: some 10,000 full packets. */
export const captureSocketBufferBytes: number = 32 << 20;

/** Lifetime of a projected service-account token, as Kubernetes has it, and the share of it after which a new one is written. */
export const tokenLifetimeSeconds = 3_600;
export const tokenRenewalShare = 0.8;

/** A reply over UDP larger than this is truncated and asked again over TCP (RFC 1035 section 4.2.1). */
export const maxDnsUdpBytes = 512;
/** Seconds an answer may be cached. Short: endpoints of headless services change. */
export const dnsTtlSeconds = 5;
/** Open DNS connections over TCP at once, and how long one may be idle. Past either: closed. */
export const maxDnsTcpConnections = 64;
export const dnsTcpIdleMs = 10_000;

/** Tries on other endpoints before the service proxy gives up on a new connection. */
export const serviceProxyAttempts = 3;
/** One connection attempt of the service proxy. */
export const serviceProxyConnectMs = 5_000;

/** How many lines of a log are quoted in an error. */
export const logExcerptLines = 15;

/** A unix socket path longer than this does not fit into sockaddr_un (108 bytes on Linux, 104 on macOS, with the final NUL). */
export const maxSocketPathBytes = 100;

/** How often every pod is asked whether it is ready. Endpoints of a pod whose program has ended are withdrawn about this soon. */
export const readinessIntervalMs = 500;
