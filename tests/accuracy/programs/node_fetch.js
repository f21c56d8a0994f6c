// Node's http as server, the global fetch as client. PORT UPSTREAM_PORT
'use strict';
const {serve} = require('./node_serving.js');
const [port, upstream] = process.argv.slice(2).map(Number);

serve(port, async (path) => (await fetch(`http://127.0.0.1:${upstream}${path}`)).text());
