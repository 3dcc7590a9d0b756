/**
 * The validate.proto that ships beside Envoy's files is older than they are: they use the rule `ignore_empty`, which it does not
 * define, and protoc stops there. These are the field numbers that protoc-gen-validate gave it later.
 */
const IGNORE_EMPTY = {
  StringRules: 26,
  BytesRules: 14,
  RepeatedRules: 5,
  MapRules: 6,
  ...Object.fromEntries(
    ['Float', 'Double', 'Int32', 'Int64', 'UInt32', 'UInt64', 'SInt32', 'SInt64']
      .concat(['Fixed32', 'Fixed64', 'SFixed32', 'SFixed64'])
      .map((type) => [`${type}Rules`, 8]),
  ),
};

/**
 * Adds the missing rule to the text of a validate.proto; a text that has it already is returned as it is.
 * @param {string} source
 * @returns {string}
 */
export function withIgnoreEmpty(source) {
  if (source.includes('ignore_empty')) return source;
  return source.replace(/^message (\w+) \{$/gm, (line, name) =>
    name in IGNORE_EMPTY ? `${line}\n    optional bool ignore_empty = ${IGNORE_EMPTY[name]};` : line,
  );
}
