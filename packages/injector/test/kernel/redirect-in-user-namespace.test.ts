import { inUserNamespace } from './pod.js';
import { testRedirection } from './redirection.js';

testRedirection(inUserNamespace);
