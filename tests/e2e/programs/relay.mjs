// The same as relay.js, as an ES module.
import { createRequire } from 'node:module';

createRequire(import.meta.url)('./relay.js');
