import type { HeaderConfig, HeaderEditsConfig } from '@tulle/proxy-core';
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOption,
} from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import { Refusal } from './refusal.js';
import { fieldValue, token } from './values.js';

/** undefined when nothing is changed. */
export function headerEdits(
  options: readonly HeaderValueOption[],
  remove: readonly string[],
  path: string,
): HeaderEditsConfig | undefined {
  const set: HeaderConfig[] = [];
  const add: HeaderConfig[] = [];
  for (const [index, { header, appendAction, keepEmptyValue }] of options.entries()) {
    const at = `${path}[${index}]`;
    if (header === undefined) throw new Refusal(`${at}.header`, 'is missing');
    // Envoy drops a header without a value unless told to keep it; a `%` would begin a format command there.
    if (header.value === '' && !keepEmptyValue) throw new Refusal(`${at}.header.value`, 'is empty, and not to be kept');
    if (header.value.includes('%') && header.value.replaceAll('%%', '').includes('%')) {
      throw new Refusal(`${at}.header.value`, 'format commands are not understood; write %% for a percent sign');
    }
    const value = fieldValue(header.value.replaceAll('%%', '%'), `${at}.header.value`);
    const field = { name: token(header.key, `${at}.header.key`), value };
    if (appendAction === Append.APPEND_IF_EXISTS_OR_ADD) add.push(field);
    else if (appendAction === Append.OVERWRITE_IF_EXISTS_OR_ADD) set.push(field);
    else throw new Refusal(`${at}.append_action`, `${Append[appendAction] ?? appendAction} is not understood`);
  }
  for (const name of remove) token(name, path.replace('_to_add', '_to_remove'));
  if (set.length + add.length + remove.length === 0) return undefined;
  return {
    ...(set.length > 0 ? { set } : {}),
    ...(add.length > 0 ? { add } : {}),
    ...(remove.length > 0 ? { remove } : {}),
  };
}
