// A program that waits: the place from which a person tries things by hand (`tulle testbed exec client -- curl …`).
const timer = setInterval(() => {}, 60_000);
console.log('waiting; run programs in this pod with: tulle testbed exec');
process.on('SIGTERM', () => clearInterval(timer));
