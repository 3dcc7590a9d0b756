import { spawn } from 'node:child_process';

/**
 * Runs a short program to its end. Throws an Error that names it, with what it wrote to stderr, when it fails, is missing or
 * takes longer than `deadlineMs`.
 */
export async function run(
  argv: readonly string[],
  options: { input?: string; deadlineMs: number; env?: NodeJS.ProcessEnv },
): Promise<string> {
  const [file, ...args] = argv;
  const shown = argv.length > 8 ? `${argv.slice(0, 8).join(' ')} …` : argv.join(' ');
  return await new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env });
    let stdout = '';
    let stderr = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, options.deadlineMs);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${shown}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (late) reject(new Error(`${shown}: no end within ${options.deadlineMs} ms`));
      else if (code !== 0) {
        reject(
          new Error(`${shown}: ${signal ?? `exit code ${code}`}: ${(stderr.trim() || stdout.trim()).slice(-2000)}`),
        );
      } else resolve(stdout);
    });
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
