#!/usr/bin/env node
import { runTulle } from './tulle.js';

process.exitCode = await runTulle(process.argv.slice(2));
