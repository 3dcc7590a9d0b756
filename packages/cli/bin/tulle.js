#!/usr/bin/env node
// Not built, so that npm can link and mark it executable before there is a build.
try {
  await import('../dist/main.js');
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('main.js')) throw error;
  console.error('tulle: this checkout is not built yet: run `npm run build`');
  process.exitCode = 1;
}
