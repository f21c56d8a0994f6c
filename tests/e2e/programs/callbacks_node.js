// callbacks_node.js PORT-FILE [concurrent] [fetch]: for each POST with [{"url": ..., "arguments": ...}], posts
// the arguments to each URL, in order or at once, by http.request or by fetch.
'use strict';
const fs = require('fs');
const http = require('http');

const [portFile, ...options] = process.argv.slice(2);
const headers = { 'Content-Type': 'application/json' };

function callByRequest({ url, arguments: body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', headers }, (response) => {
      response.on('end', resolve).resume();
    });
    request.on('error', reject).end(JSON.stringify(body));
  });
}

async function callByFetch({ url, arguments: body }) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  await response.text();
}

const call = options.includes('fetch') ? callByFetch : callByRequest;

const server = http.createServer(async (request, response) => {
  let text = '';
  for await (const piece of request)
    text += piece;
  const actions = JSON.parse(text);
  if (options.includes('concurrent'))
    await Promise.all(actions.map(call));
  else
    for (const action of actions)
      await call(action);
  response.end();
});

server.listen(0, '127.0.0.1', () => {
  fs.writeFileSync(`${portFile}.new`, String(server.address().port));
  fs.renameSync(`${portFile}.new`, portFile);
});
