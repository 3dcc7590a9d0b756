import type { ChannelOptions } from '@grpc/grpc-js';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS, MAX_RESPONSE_BYTES } from '../limits.js';

/**
 * How the sidecar speaks gRPC: one connection that belongs to one client, without retries, tracing and service configuration of grpc-js's own,
 * as when to try again is decided here.
 * @param serverName the name that the server's certificate must carry, whatever address is dialled.
 */
export function channelOptions(serverName: string): ChannelOptions {
  return {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
  };
}
