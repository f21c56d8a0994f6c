// Node's http with one keep-alive agent. PORT UPSTREAM_PORT [MAX_SOCKETS]; with the last, calls wait in its queue.
'use strict';
const http = require('http');
const {serve} = require('./node_serving.js');
const [port, upstream, maxSockets] = process.argv.slice(2).map(Number);
const agent = new http.Agent({keepAlive: true, maxSockets: maxSockets || Infinity});

serve(port, (path) => new Promise((resolve, reject) => {
  http.get({host: '127.0.0.1', port: upstream, path, agent}, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (piece) => { text += piece; });
    answer.on('end', () => resolve(text));
  }).on('error', reject);
}));
