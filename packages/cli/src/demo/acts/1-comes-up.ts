import type { Act } from '../act.js';

export const comesUp: Act = {
  id: 'comes-up',
  title: 'The mesh has come up from a folder of YAML',
  async run(world, tell) {
    tell.command(world.typed('status'));
    const status = await world.status();
    const injected = status.pods.filter((pod) => pod.sidecar !== null);
    tell.lines(
      status.pods.map(
        (pod) =>
          `pod      ${pod.name.padEnd(15)} ${pod.ip.padEnd(14)} ${pod.sidecar === null ? 'no sidecar' : 'sidecar'}`,
      ),
    );
    tell.lines(
      status.services.map(
        (service) =>
          `service  ${service.name.padEnd(15)} ${(service.clusterIp ?? 'headless').padEnd(14)} ${service.ports.map(({ port, endpoints }) => `port ${port}, ${endpoints.length} endpoints`).join('; ')}`,
      ),
    );
    const { controlPlane } = status;
    tell.check(
      'control-plane',
      controlPlane.ready,
      'the control plane is ready',
      controlPlane.ready
        ? `it serves configuration on ${controlPlane.ads} and certificates on ${controlPlane.certificates}`
        : `it is ${controlPlane.state} ${controlPlane.last ?? ''}`,
    );
    const unready = status.pods.filter((pod) => !pod.ready);
    tell.check(
      'pods',
      unready.length === 0 && injected.length > 0,
      `all ${status.pods.length} pods are ready, ${injected.length} of them with a sidecar`,
      unready.map((pod) => `${pod.name}: ${pod.reason}`).join('; '),
    );
    const { problems } = status;
    tell.check(
      'problems',
      problems.length === 0,
      'the configuration has no problem',
      problems.map((problem) => `${problem.file}:${problem.line}: ${problem.message}`).join('; '),
    );
  },
};
