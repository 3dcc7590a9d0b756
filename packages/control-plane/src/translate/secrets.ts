import { create } from '@bufbuild/protobuf';
import { secretName } from '@tulle/xds';
import { type Secret, SecretSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { TrustBundle } from '../ca/trust.js';

/** The roots, as SDS carries them. The sidecar's own certificate is not here: the sidecar has it, and nobody else its key. */
export function trustSecret(trust: TrustBundle): Secret {
  return create(SecretSchema, {
    name: secretName.trust,
    type: {
      case: 'validationContext',
      value: { trustedCa: { specifier: { case: 'inlineString', value: trust.rootsPem } } },
    },
  });
}
