// Runs one of the programs in a process of its own: the module, the name of what it exports, and its options as JSON.
const [, , module, name, options] = process.argv;
const { [name]: run } = await import(module);
process.exitCode = await run(JSON.parse(options));
