import { asRoot } from './pod.js';
import { testRedirection } from './redirection.js';

testRedirection(asRoot);
