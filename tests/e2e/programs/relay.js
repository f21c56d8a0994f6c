// node relay.js UPSTREAM_PORT PORT_FILE: a server that makes calls upstream for GET or POST /HOW/NUMBER, each with the path
// of the request that it is made for; the answer comes before the calls for "late". In a worker if HOW ends in "-worker".
'use strict';
const fs = require('fs');
const http = require('http');
const net = require('net');
const { isMainThread, Worker, workerData } = require('worker_threads');

const [upstreamPort, portFile] = isMainThread ? process.argv.slice(2) : workerData;
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const pause = (most) => new Promise((resolve) => setTimeout(resolve, Math.random() * most));
const options = (path, more) => ({ host: '127.0.0.1', port: upstreamPort, path, ...more });

function get(path, more) {
  return new Promise((resolve, reject) => {
    http.get(options(path, more), (response) => response.resume().on('end', resolve)).on('error', reject);
  });
}

function raw(path, connection) {
  return new Promise((resolve, reject) => {
    connection.on('error', reject).once('data', () => resolve(connection.end()));
    connection.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
}

const ways = {
  agent: async (path) => { await pause(20); await get(path, { agent }); await pause(5); await get(path, { agent }); },
  own: async (path) => { await pause(20); await get(path, { agent: false }); },
  at_once: (path) => get(path, { agent }),
  named: async (path) => { await pause(5); await get(path, { agent: false, host: 'localhost', family: 4 }); },
  fetch: async (path) => { await pause(20); await (await fetch(`http://127.0.0.1:${upstreamPort}${path}`)).text(); },
  fan: (path) => Promise.all([0, 1, 2].map(async (n) => { await pause(n * 5); await get(path, { agent }); })),
  post_event: (path, request) => new Promise((resolve, reject) => request.on('data', () => {}).on('end', () =>
    get(path, { agent }).then(resolve, reject))),
  post: async (path, request) => {
    await new Promise((resolve) => request.resume().on('end', resolve));
    await get(path, { agent });
  },
  body: (path) => new Promise((resolve, reject) => {
    const call = http.request(options(path, { agent, method: 'POST' }), (response) => response.resume().on('end', resolve));
    call.on('error', reject);
    setTimeout(() => { call.write('one'); setTimeout(() => call.end('two'), 5); }, Math.random() * 10);
  }),
  raw: async (path) => { await pause(10); await raw(path, net.connect(upstreamPort, '127.0.0.1')); },
  refused: async (path) => { await pause(10); await get(path, { agent, port: 1 }).then(() => 0, () => 0); },
  immediate: (path) => new Promise((resolve, reject) => setImmediate(() => process.nextTick(() => queueMicrotask(() =>
    get(path, { agent }).then(resolve, reject))))),
};

const server = http.createServer(async (request, response) => {
  const how = request.url.split('/')[1];
  const isLate = how.startsWith('late');
  if (isLate)
    response.end();
  try {
    await ways[isLate ? 'agent' : how](request.url, request);
    response.end('done');
  } catch (error) {
    response.statusCode = 502;
    response.end(String(error));
  }
});

if (isMainThread && process.env.IN_WORKER)
  new Worker(__filename, { workerData: process.argv.slice(2) });
else
  server.listen(0, '127.0.0.1', () => {
    fs.writeFileSync(`${portFile}.new`, String(server.address().port));
    fs.renameSync(`${portFile}.new`, portFile);
  });
if (process.env.TICK) // work of nobody's
  setInterval(() => get('/tick/0', { agent }).catch(() => {}), 5);
