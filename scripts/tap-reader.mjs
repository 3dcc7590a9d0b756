/*
 * Reads the nested TAP of many test files, line by line, and says what happened in each: whether it passed, how long it took, and of each failure the tests it is in, what was
 * found and wanted, and what the file said meanwhile. Pure: lines in, reports out.
 *
 *     # Subtest: packages/x/test/y.test.ts        a file
 *         # Subtest: it does                          a test of it
 *             not ok 1 - should be equal                  an assertion
 *               ---                                           its diagnostics, to the line of dots
 *               found: 1
 *               ...
 *         not ok 1 - it does # time=12ms
 *     not ok 1 - packages/x/test/y.test.ts # time=345ms
 */

/** Of the words of one failed file, in lines; the last ones count most. */
const maxSaid = 400;

export class TapReader {
  /** @param {(report: FileReport) => void} ended called with each file: { file, ok, ms, line, failures, said, unfinished }. */
  constructor(ended) {
    this.ended = ended;
    this.counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
    /** Skipped assertions and tests, as they were told. */
    this.skipped = [];
    this.#begin();
  }

  #begin() {
    /** Names of the open tests with their indentation. */
    this.open = [];
    this.failures = [];
    this.said = [];
    /** Diagnostics belong to the line before them. */
    this.diagnosed = undefined;
    this.inDiagnostics = undefined;
    this.topLevel = undefined;
    this.unfinished = [];
  }

  /** @param {string} line */
  read(line) {
    const text = line.trimStart();
    const indent = line.length - text.length;
    if (this.inDiagnostics !== undefined) {
      if (text === '...' && indent <= this.inDiagnostics) this.inDiagnostics = undefined;
      else this.diagnosed?.diagnostics.push(line.slice(Math.min(indent, this.inDiagnostics)));
      return;
    }
    if (text === '---') {
      this.inDiagnostics = indent;
      return;
    }
    const result = /^(not ok|ok) \d+(?: - (.*))?$/.exec(text);
    // The end of a file waits for its diagnostics, which come behind it.
    if (this.topLevel !== undefined) this.#endFile();
    if (result !== null) this.#result(indent, result[1] === 'ok', result[2] ?? '', text);
    else if (text.startsWith('# Subtest: ')) {
      this.#closeTo(indent);
      this.open.push({ indent, name: plain(text.slice(11)), failed: false });
    } else this.#comment(indent, text, line);
  }

  end() {
    if (this.topLevel !== undefined) this.#endFile();
  }

  #result(indent, ok, rest, text) {
    const [, escaped, directive] = /^(.*?)(?: # (.*))?$/.exec(rest) ?? [];
    const name = plain(escaped);
    this.diagnosed = undefined;
    const isSkip = ok && /^(SKIP|TODO)/i.test(directive ?? '');
    if (isSkip) this.skipped.push(text);
    if (ok && indent > 0) {
      this.#closeTo(indent);
      return;
    }
    // What closes a test comes at the indentation at which it was opened; it repeats what was told of its assertions.
    const closes = this.open.find((test) => test.indent === indent);
    const unfinished = this.open.filter((test) => test.indent > indent).map((test) => test.name);
    if (indent === 0) this.unfinished = unfinished;
    this.#closeTo(indent + 1);
    const failure = { tests: this.open.map((test) => test.name), name, directive, diagnostics: [], unfinished };
    if (!ok) {
      this.diagnosed = failure;
      const isRepeated = closes?.failed === true && closes.name === name;
      if (!isRepeated) this.failures.push(failure);
      for (const test of this.open) test.failed = true;
    }
    this.#closeTo(indent);
    if (indent === 0)
      this.topLevel = { file: name, ok, ms: Number(/time=([\d.]+)ms/.exec(directive ?? '')?.[1] ?? 0), line: text };
  }

  #comment(indent, text, line) {
    const summary = indent === 0 && /^# \{ (.*) \}$/.exec(text);
    if (summary) for (const [, name, count] of summary[1].matchAll(/(\w+): (\d+)/g)) this.counts[name] = Number(count);
    if (text === '' || /^(TAP version|\d+\.\.\d+|# (time=|\{))/.test(text)) return;
    this.said.push(line.slice(Math.min(indent, 4)));
    if (this.said.length > maxSaid) this.said.shift();
  }

  #closeTo(indent) {
    while (this.open.length > 0 && this.open.at(-1).indent >= indent) this.open.pop();
  }

  #endFile() {
    this.ended({ ...this.topLevel, failures: this.failures, said: this.said, unfinished: this.unfinished });
    this.#begin();
  }
}

/** A name without the escapes of TAP 14. */
function plain(name) {
  return name.replaceAll('\\#', '#').trimEnd();
}
